package org.peftsweep.method;

/** A method that does not work on chosen matrices: a sweep file must not name targets for it. */
public sealed interface Untargeted extends Method
    permits Bitfit,
        Compacter,
        CompacterPlus,
        EPT,
        HeadOnly,
        HFT,
        Houlsby,
        LnTuning,
        MAM,
        MoSA,
        ParallelAdapter,
        Pfeiffer,
        PrefixTuning,
        PromptTuning,
        SSF,
        Untrained {
  @Override
  default boolean usesTargets() {
    return false;
  }

  /** Returns 0, unless it trains something in every matrix. */
  @Override
  default long trainable(int out, int in, boolean hasBias) {
    return 0;
  }
}
