/**
 * The sweep file: YAML in, validated trials out.
 *
 * <p>{@link org.peftsweep.spec.SweepFile} checks every key before anything starts; a fault is one
 * sentence with file and line. It makes a {@link org.peftsweep.spec.Sweep}, which expands to {@link
 * org.peftsweep.spec.Trial}s. A trial holds all that decides its result, and its id is a hash of
 * that. Read {@code Trial} first.
 */
package org.peftsweep.spec;
