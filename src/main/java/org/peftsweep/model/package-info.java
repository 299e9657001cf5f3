/**
 * RoBERTa, BERT and Llama as plain code over {@link org.peftsweep.compute}.
 *
 * <p>A model is a backbone, which returns hidden states, and a head, which makes outputs of them.
 * It has {@link org.peftsweep.model.Parameter}s with roles and {@link org.peftsweep.model.Linear}
 * projections, to each of which a fine-tuning method may attach an {@link
 * org.peftsweep.model.Adapter}. Frozen weights are shared by all trials of an executor. Read {@code
 * Model} first.
 *
 * <p>An architecture is one record here, which reads its {@code config.json}, names its tensors and
 * builds backbone and heads; the file {@code META-INF/services} of {@link
 * org.peftsweep.checkpoint.Architecture} is the registry.
 */
package org.peftsweep.model;
