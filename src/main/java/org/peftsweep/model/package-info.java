/**
 * RoBERTa, BERT and Llama for sequence classification, as plain code over {@link
 * org.peftsweep.compute}.
 *
 * <p>A model is made of {@link org.peftsweep.model.Parameter}s with roles and of {@link
 * org.peftsweep.model.Linear} projections, to each of which a fine-tuning method may attach an
 * {@link org.peftsweep.model.Adapter}. Frozen weights are shared by all trials of an executor. Read
 * {@code Model} first.
 */
package org.peftsweep.model;
