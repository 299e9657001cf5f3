/**
 * Kills processes of a real cluster while a sweep runs and checks that nothing was lost, repeated
 * or changed. {@code jobs/chaos.sh} runs {@link org.peftsweep.chaos.Chaos}, which reads as the
 * story.
 */
package org.peftsweep.chaos;
