/**
 * Fine-tuning methods, one file each.
 *
 * <p>{@link org.peftsweep.method.Method} is sealed: its {@code permits} clause is the registry, and
 * {@link org.peftsweep.method.Methods} derives names, settings and lists from it. A method attaches
 * adapters to a model's projections or sets weights to train; it writes only forward code. Read
 * {@code Method}, then {@code LoRA}.
 */
package org.peftsweep.method;
