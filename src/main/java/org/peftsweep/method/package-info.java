/**
 * Fine-tuning methods, one file each.
 *
 * <p>{@link org.peftsweep.method.Method} is sealed: its {@code permits} clause is the registry, and
 * {@link org.peftsweep.method.Methods} derives names, settings and lists from it. A method attaches
 * adapters to a model's projections or sets weights to train; it writes only forward code. Read
 * {@code Method}, then {@code LoRA}. What several methods are built from lies in {@code adapter}
 * below, the files of PEFT in {@code peft}.
 */
package org.peftsweep.method;
