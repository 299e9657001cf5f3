package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.model.Model;
import org.peftsweep.model.TinyModels;

class PromptTuningTest {
  private static final int TOKENS = 3;

  static Stream<Architecture> decoders() {
    return Architectures.all().stream().filter(TinyModels::isDecoder);
  }

  /** Whatever a decoder does with words on their way in, such as Gemma's factor. */
  @ParameterizedTest
  @MethodSource("decoders")
  void aPromptOfWordsIsWhatTheWordsThemselvesAre(Architecture architecture) {
    try (Backend backend = Backends.open("cpu", 1);
        Model plain = TinyModels.model(architecture, backend);
        Model prompted = TinyModels.model(architecture, backend)) {
      new PromptTuning(TOKENS, true, 1)
          .attach(new AttachContext(prompted, Set.of(), backend, new Seeds(4)));
      float[] vectors =
          TinyModels.read(backend, prompted.embeddings().prompt().parameters().get(0).value());
      float[] words = TinyModels.read(backend, plain.embeddings().words().value());
      int width = plain.embeddings().width();
      int[] prompt = new int[TOKENS];
      for (int i = 0; i < TOKENS; i++) {
        prompt[i] = alike(Arrays.copyOfRange(vectors, i * width, (i + 1) * width), words);
      }
      Batch batch = TinyModels.batch(2);
      assertThat(logits(prompted, batch, backend))
          .containsExactly(logits(plain, after(prompt, batch), backend), within(1e-5f));
    }
  }

  /** The word of the same direction. */
  private static int alike(float[] vector, float[] words) {
    int width = vector.length;
    int best = -1;
    double largest = 0;
    for (int word = 0; word < words.length / width; word++) {
      double product = 0;
      double square = 0;
      for (int j = 0; j < width; j++) {
        product += vector[j] * words[word * width + j];
        square += Math.pow(words[word * width + j], 2);
      }
      double cosine = square == 0 ? 0 : product / Math.sqrt(square);
      if (cosine > largest) {
        largest = cosine;
        best = word;
      }
    }
    return best;
  }

  private static Batch after(int[] prompt, Batch batch) {
    int length = prompt.length + batch.tokens();
    int[] ids = new int[batch.rows() * length];
    int[] mask = new int[ids.length];
    for (int row = 0; row < batch.rows(); row++) {
      System.arraycopy(prompt, 0, ids, row * length, prompt.length);
      Arrays.fill(mask, row * length, row * length + prompt.length, 1);
      int to = row * length + prompt.length;
      System.arraycopy(batch.ids(), row * batch.tokens(), ids, to, batch.tokens());
      System.arraycopy(batch.mask(), row * batch.tokens(), mask, to, batch.tokens());
    }
    return new Batch(
        batch.rows(),
        length,
        ids,
        mask,
        new int[ids.length],
        batch.labels(),
        batch.exampleIndices());
  }

  private static float[] logits(Model model, Batch batch, Backend backend) {
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      return TinyModels.read(backend, model.logits(tape, batch).value());
    }
  }
}
