/**
 * The built-in tasks: eight small mirrors of GLUE and an unlabelled corpus, all drawn from one
 * probabilistic grammar over a closed vocabulary of invented words, as in the procedurally defined
 * tasks of Jain et al., 2023, arXiv:2311.12786.
 *
 * <p>Invariant: a seed gives the same rows on every machine. Read {@link
 * org.peftsweep.data.grammar.GrammarTask} first.
 */
package org.peftsweep.data.grammar;
