/**
 * The sweep file: YAML in, validated trials out.
 *
 * <p>Every key is checked before anything starts; a fault is one sentence with file and line. A
 * {@link org.peftsweep.spec.Trial} holds all that decides its result, and its id is a hash of that.
 * Read {@code Trial} first.
 */
package org.peftsweep.spec;
