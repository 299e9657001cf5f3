package org.peftsweep.compute.cuda;

import org.peftsweep.compute.ElementType;

/**
 * {@code c ← alpha·op(a)·op(b) + beta·c}, row-major and dense; op(a) is {@code [m, k]}, op(b)
 * {@code [k, n]}, c holds 32-bit floats; {@code beta = 0} never reads c.
 *
 * @param factors how a and b are stored, {@code F32} or {@code BF16}
 * @param roundsFactors whether a and b of 32 bits may be rounded to 10 bits of fraction (TF32)
 * @param hasBias whether each row of c gets a bias {@code [n]} added; only where beta is 0
 */
public record Product(
    boolean transposeA,
    boolean transposeB,
    int m,
    int n,
    int k,
    float alpha,
    float beta,
    ElementType factors,
    boolean roundsFactors,
    boolean hasBias) {}
