package org.peftsweep.train;

import java.util.List;
import java.util.stream.IntStream;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Model;

/**
 * Tunes a large language model by proxy and leaves it as it is: what tuning changed in the logits
 * of a small model is added to its own, {@code large + scale·(tuned − untuned)}.
 *
 * <p>Liu et al., 2024, arXiv:2401.08565, §2, where the scale is 1; the authors' script calls it
 * alpha. Outputs of a model past the narrowest one's are left out: no token has them, they fill a
 * vocabulary up.
 *
 * <p>Differs from the authors' script: there a tuned model of chats reads each prompt in its own
 * format and the two others read it plain; here all three read the same tokens.
 *
 * @param large that nobody tuned
 * @param tuned a small model
 * @param untuned what the small model was before
 * @param scale of the change; 0 leaves the large model's own logits
 */
record ProxyTuning(Model large, Model tuned, Model untuned, float scale) implements NextTokens {
  @Override
  public List<Model> models() {
    return List.of(large, tuned, untuned);
  }

  @Override
  public Var together(Tape tape, List<Var> outputs) {
    int tokens = outputs.stream().mapToInt(each -> each.value().columns()).min().orElseThrow();
    List<Var> logits = outputs.stream().map(each -> narrow(tape, each, tokens)).toList();
    Var change = tape.addScaled(logits.get(1), -1, logits.get(2));
    tape.done(logits.get(2));
    Var tunedByProxy = tape.addScaled(logits.get(0), scale, change);
    tape.done(change);
    return tunedByProxy;
  }

  private static Var narrow(Tape tape, Var logits, int tokens) {
    if (logits.value().columns() == tokens) {
      return logits;
    }
    Var first = tape.gatherColumns(logits, IntStream.range(0, tokens).toArray());
    tape.done(logits);
    return first;
  }
}
