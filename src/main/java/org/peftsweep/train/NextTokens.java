package org.peftsweep.train;

import java.util.List;
import java.util.stream.IntStream;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.KeyValues;
import org.peftsweep.model.Model;

/** What tells the next tokens of texts: a language model, or several that are put together. */
interface NextTokens {
  /** Returns the models that read the texts; each needs keys and values of its own. */
  List<Model> models();

  /**
   * Puts together what the models give for the same places.
   *
   * @param outputs of each model, {@code [places, its vocabulary]}; consumed
   * @return a logit a token, {@code [places, vocabulary]}
   */
  Var together(Tape tape, List<Var> outputs);

  /** Returns the logits at some places, as {@link Model#logits(Tape, Batch, int[])} does. */
  default Var at(Tape tape, Batch batch, int[] positions) {
    return together(
        tape, models().stream().map(model -> model.logits(tape, batch, positions)).toList());
  }

  /**
   * Returns the logits after the last token of each row, as {@link Model#next} does.
   *
   * @param kept of each model
   */
  default Var next(Tape tape, Batch batch, int[] last, List<KeyValues> kept) {
    return together(
        tape,
        IntStream.range(0, kept.size())
            .mapToObj(i -> models().get(i).next(tape, batch, last, kept.get(i)))
            .toList());
  }

  /** Returns what one model gives. */
  static NextTokens of(Model model) {
    return new OfOne(List.of(model));
  }

  /** A model as it is. */
  record OfOne(List<Model> models) implements NextTokens {
    @Override
    public Var together(Tape tape, List<Var> outputs) {
      return outputs.get(0);
    }
  }
}
