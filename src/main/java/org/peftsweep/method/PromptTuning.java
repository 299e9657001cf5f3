package org.peftsweep.method;

import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.compute.Weight;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Prompt;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Prompt tuning: vectors that learn are put before the embeddings of the tokens, and take their
 * positions.
 *
 * <p>Lester et al., arXiv:2104.08691, §2. As in PEFT with Hugging Face's models, encoders classify
 * by the first place, which is the first vector, RoBERTa counts all places, padding too, and Gemma,
 * which scales words, scales no prompt: one that starts as words starts as scaled ones.
 *
 * @param tokens vectors before the first token, at least 1
 * @param fromVocabulary whether they start as words drawn from the vocabulary, as the paper
 *     recommends; else normally
 * @param deviation of a normal start, above 0
 */
@Id("prompt")
public record PromptTuning(int tokens, boolean fromVocabulary, double deviation)
    implements Untargeted {
  private static final String NAME = "prompt_encoder.embedding.weight";

  public PromptTuning {
    Settings.between("tokens", tokens, 1, Settings.MOST_RANK);
    Settings.positive("deviation", deviation);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Parameter prompt =
        fromVocabulary ? words(to, tokens) : to.normal(zeros(to, tokens), 0, deviation);
    to.model().embeddings().attach(new Vectors(prompt));
    return MethodHooks.PASSIVE;
  }

  /** Makes a prompt of words drawn from the vocabulary. */
  static Parameter words(AttachContext to, int tokens) {
    Weight words = to.model().embeddings().words().asWeight();
    float factor = to.model().embeddings().factor();
    Parameter prompt = zeros(to, tokens);
    SplittableRandom random = to.seeds().random("initialise " + NAME);
    float[] word = new float[words.columns()];
    for (int i = 0; i < tokens; i++) {
      long from = (long) random.nextInt(words.rows()) * words.columns();
      words.read(to.backend(), from, word, 0, word.length);
      for (int column = 0; column < word.length; column++) {
        word[column] *= factor;
      }
      to.backend().write(word, 0, prompt.value(), (long) i * word.length, word.length);
    }
    return prompt;
  }

  private static Parameter zeros(AttachContext to, int tokens) {
    int width = to.model().embeddings().width();
    return Parameter.zeros(to.backend(), NAME, Role.EMBEDDING, -1, tokens, width)
        .train(to.backend());
  }

  /** Words that a prompt starts as are scaled as the model scales them. */
  @Override
  public int semanticsVersion() {
    return fromVocabulary ? 2 : 1;
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
    return (long) tokens * outline.embeddings().width();
  }

  @Override
  public String label() {
    return "Prompt tuning";
  }

  private record Vectors(Parameter table) implements Prompt {
    @Override
    public int tokens() {
      return table.value().rows();
    }

    @Override
    public Var rows(Tape tape) {
      return table.var();
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(table);
    }
  }
}
