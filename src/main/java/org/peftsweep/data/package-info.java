/**
 * Text in, padded batches of token ids out: tasks and their metrics, readers of GLUE, Parquet and
 * JSON-lines files, tokenizers, batching.
 *
 * <p>Invariant: the same files, settings and seed give the same batches on every machine, whatever
 * the fine-tuning method. Read {@link org.peftsweep.data.Task} first, then {@link
 * org.peftsweep.data.Dataset}.
 */
package org.peftsweep.data;
