/**
 * Hugging Face checkpoints on disk: a folder comes in, named tensors and a {@link
 * org.peftsweep.checkpoint.ModelConfig} go out, and back again.
 *
 * <p>The one invariant: memory is taken only for bytes that a file really holds, never for what its
 * header claims, and a faulty file is a {@link org.peftsweep.checkpoint.CheckpointException} with
 * the path and the reason. Start reading at {@link org.peftsweep.checkpoint.Checkpoint}.
 */
package org.peftsweep.checkpoint;
