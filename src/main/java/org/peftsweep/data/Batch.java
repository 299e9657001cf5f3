package org.peftsweep.data;

/**
 * Tokenised examples of one step, padded to a rectangle.
 *
 * @param ids {@code [rows·tokens]}; mask and typeIds likewise; mask is 1 for a real token, 0 for
 *     padding
 * @param labels {@code [rows]}: class ids or values
 * @param exampleIndices {@code [rows]}: places of the examples in their part
 */
public record Batch(
    int rows,
    int tokens,
    int[] ids,
    int[] mask,
    int[] typeIds,
    float[] labels,
    int[] exampleIndices) {}
