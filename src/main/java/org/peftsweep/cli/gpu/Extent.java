package org.peftsweep.cli.gpu;

import org.peftsweep.cli.gpu.CheckedSteps.Shape;

/**
 * How much a check computes: what goals speak of, or just enough to see that each part runs, as on
 * a device that is emulated.
 *
 * @param base what goals call RoBERTa-base
 * @param small what they call d=128, 2 layers
 * @param decoder what they call Llama-3.1-8B
 * @param lanes of a pack
 * @param manyLanes of a large pack
 * @param every so many steps are timed together
 * @param rounds of steps that are timed
 * @param batches of an epoch
 * @param reported examples that trials are evaluated on
 * @param epochs of a whole trial
 * @param compared steps that are taken beside the processor's
 * @param cases of each part that others supply; all where there are fewer
 * @param seeds of the sweep, of four recipes each
 */
record Extent(
    Shape base,
    Shape small,
    Shape decoder,
    int lanes,
    int manyLanes,
    int every,
    int rounds,
    int batches,
    int reported,
    int epochs,
    int compared,
    int cases,
    int seeds) {
  /** Of the tokenizer of the model that ships with the program. */
  private static final int VOCABULARY = 671;

  /** As many steps as pass between two looks at losses, so that each time ends with a look. */
  private static final int LOOKS = 16;

  /** What goals speak of; a whole trial is as long as one of 20 epochs on RTE. */
  static final Extent WHOLE =
      new Extent(
          Shape.encoder(VOCABULARY, 768, 12, 12, 3072, 32, 128),
          Shape.encoder(VOCABULARY, 128, 2, 2, 512, 32, 64),
          Shape.decoder(128_256, 4096, 32, 32, 8, 14_336, 8, 128),
          8,
          32,
          LOOKS,
          6,
          78,
          277,
          20,
          8,
          Integer.MAX_VALUE,
          15);

  /** Just enough to see that each part runs. */
  static final Extent LEAST =
      new Extent(
          Shape.encoder(VOCABULARY, 32, 1, 2, 64, 2, 8),
          Shape.encoder(VOCABULARY, 32, 1, 1, 64, 2, 8),
          Shape.decoder(VOCABULARY, 32, 1, 4, 2, 64, 2, 8),
          2,
          3,
          1,
          1,
          2,
          2,
          1,
          1,
          1,
          1);

  /** Returns the steps of a trial that is timed. */
  int steps() {
    return every * (rounds + 1);
  }
}
