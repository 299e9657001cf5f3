package org.peftsweep.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.peftsweep.method.adapter.Affine;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.FusedPrompt;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;

/**
 * Efficient prompt tuning: a short prompt before the tokens and a low-rank change {@code A·B} of
 * the embeddings of the tokens themselves, by their places; the prompt is enriched by attention to
 * {@code A·B}, and is a mixture of what several spaces make of it ({@link FusedPrompt}). B starts
 * as zero, as do the changes in the spaces, so that at first it is prompt tuning.
 *
 * <p>Lan et al., arXiv:2405.11464, over the decomposition of DePT (Shi and Lipani,
 * arXiv:2309.05173).
 *
 * <p>Unverified: there is no code of the authors', and how they fuse, what the spaces are, what the
 * gate reads and how all starts is our reading. Here each vector of the prompt attends with the
 * heads of {@link FusedPrompt}, a space is a bottleneck with tanh beside the identity, and each
 * vector has its own gate, so that the prompt does not depend on the input. Positions are as in
 * {@link PromptTuning}.
 *
 * @param tokens vectors before the first token, at least 1
 * @param rank of the change of the tokens' embeddings, at least 1
 * @param length places from the first token on whose embeddings change
 * @param spaces that the prompt is projected into, at least 1
 * @param hidden inner width of a space, at least 1
 * @param promptRatio rate of the prompt over the rate of the rest
 */
@Id("ept")
public record EPT(int tokens, int rank, int length, int spaces, int hidden, double promptRatio)
    implements Untargeted {
  private static final String NAME = "prompt_encoder.";

  public EPT {
    Settings.between("tokens", tokens, 1, Settings.MOST_RANK);
    Settings.rank(rank);
    Settings.between("length", length, 1, Settings.MOST);
    Settings.between("spaces", spaces, 1, 1_000);
    Settings.between("hidden", hidden, 1, Settings.MOST_RANK);
    Settings.positive("prompt-ratio", promptRatio);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    int width = to.model().embeddings().width();
    Parameter prompt = PromptTuning.words(to, tokens);
    prompt.scaleRate(promptRatio);
    Parameter a = to.uniform(learning(to, "lora_A", length, rank), 1 / Math.sqrt(rank));
    Parameter b = learning(to, "lora_B", rank, width);
    Parameter gate = to.uniform(learning(to, "gate", spaces, width), 1 / Math.sqrt(width));
    List<FusedPrompt.Space> all = new ArrayList<>();
    for (int i = 0; i < spaces; i++) {
      Affine.Dense down = dense(to, "down." + i, hidden, width);
      to.uniform(down.weight(), 1 / Math.sqrt(width));
      all.add(new FusedPrompt.Space(down, dense(to, "up." + i, width, hidden)));
    }
    to.model().embeddings().attach(new FusedPrompt(prompt, a, b, gate, all));
    return MethodHooks.PASSIVE;
  }

  private static Affine.Dense dense(AttachContext to, String name, int out, int in) {
    return new Affine.Dense(
        learning(to, name + ".weight", out, in), learning(to, name + ".bias", out));
  }

  private static Parameter learning(AttachContext to, String name, int... shape) {
    return Parameter.zeros(to.backend(), NAME + name, Role.EMBEDDING, -1, shape)
        .train(to.backend());
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return promptRatio == 1 || optimizer.takesRatios();
  }

  /** Words that a prompt starts as are scaled as the model scales them. */
  @Override
  public int semanticsVersion() {
    return 2;
  }

  @Override
  public boolean startsAtBase() {
    return false;
  }

  @Override
  public int positions() {
    return tokens;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    long width = outline.embeddings().width();
    long space = hidden * (2 * width + 1) + width;
    return tokens * width + rank * (length + width) + spaces * (width + space);
  }
}
