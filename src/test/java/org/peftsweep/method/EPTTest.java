package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.FusedPrompt;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TinyModels;

class EPTTest {
  @Test
  void startsAsPromptTuningFromTheSameWords() {
    try (Backend backend = Backends.open("cpu", 1);
        Model plain = TinyModels.model(TinyModels.ROBERTA, backend);
        Model fused = TinyModels.model(TinyModels.ROBERTA, backend)) {
      new PromptTuning(3, true, 1).attach(context(plain, backend));
      new EPT(3, 2, 6, 3, 4, 1).attach(context(fused, backend));

      assertThat(logits(fused, backend)).containsExactly(logits(plain, backend), within(1e-5f));
    }
  }

  /** The formulas of the Javadoc, in double precision. */
  @Test
  void fusesAndMixesAsDerived() {
    try (Backend backend = Backends.open("cpu", 1);
        Model model = TinyModels.model(TinyModels.ROBERTA, backend);
        Tape tape = new Tape(backend)) {
      new EPT(3, 2, 6, 2, 4, 1).attach(context(model, backend));
      FusedPrompt prompt = (FusedPrompt) model.embeddings().prompt();
      SplittableRandom random = new SplittableRandom(8);
      for (Parameter parameter : prompt.parameters()) {
        float[] values = new float[(int) parameter.size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian();
        }
        backend.write(values, 0, parameter.value(), 0, values.length);
      }
      double[][] p = matrix(prompt.prompt(), backend);
      double[][] low = times(matrix(prompt.a(), backend), transposed(matrix(prompt.b(), backend)));
      int width = p[0].length;
      int head = Math.min(64, Integer.lowestOneBit(width));
      double[][] fused = new double[p.length][];
      for (int i = 0; i < p.length; i++) {
        fused[i] = sum(p[i], attention(p[i], low, low, head));
      }
      double[][][] spaces = new double[2][][];
      for (int k = 0; k < 2; k++) {
        FusedPrompt.Space space = prompt.spaces().get(k);
        double[][] inner = times(fused, matrix(space.down().weight(), backend));
        for (double[] row : inner) {
          for (int j = 0; j < row.length; j++) {
            row[j] = Math.tanh(row[j] + matrix(space.down().bias(), backend)[0][j]);
          }
        }
        spaces[k] = times(inner, matrix(space.up().weight(), backend));
        for (int i = 0; i < p.length; i++) {
          spaces[k][i] = sum(sum(spaces[k][i], matrix(space.up().bias(), backend)[0]), fused[i]);
        }
      }
      tape.startEvaluation();
      float[] rows = floats(prompt.rows(tape).value(), backend);
      for (int i = 0; i < p.length; i++) {
        double[][] values = {spaces[0][i], spaces[1][i]};
        double[] wanted = attention(fused[i], matrix(prompt.gate(), backend), values, head);
        for (int j = 0; j < width; j++) {
          assertThat((double) rows[i * width + j]).isCloseTo(wanted[j], within(1e-3));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 50})
  void addsItsRowsToTheTokensUpToItsLength(int length) {
    try (Backend backend = Backends.open("cpu", 1);
        Model model = TinyModels.model(TinyModels.ROBERTA, backend);
        Tape tape = new Tape(backend)) {
      new EPT(2, 1, length, 1, 1, 1).attach(context(model, backend));
      FusedPrompt prompt = (FusedPrompt) model.embeddings().prompt();
      int width = prompt.prompt().value().columns();
      float[] places = new float[length];
      for (int i = 0; i < length; i++) {
        places[i] = i + 1;
      }
      backend.write(places, 0, prompt.a().value(), 0, length);
      backend.fill(prompt.b().value(), 1);
      tape.startEvaluation();
      int rows = 3 * 7;
      Tensor words = tape.arena().take(rows, width);
      backend.fill(words, 0.5f);
      float[] changed =
          floats(prompt.changed(tape, Var.constant(words), row -> row % 7).value(), backend);
      for (int row = 0; row < rows; row++) {
        int place = row % 7 - 2;
        double added = place >= 0 && place < length ? place + 1 : 0;
        assertThat((double) changed[row * width]).isCloseTo(0.5 + added, within(1e-5));
      }
    }
  }

  private static double[] attention(double[] q, double[][] keys, double[][] values, int head) {
    double[] out = new double[q.length];
    for (int from = 0; from < q.length; from += head) {
      double[] weights = new double[keys.length];
      double total = 0;
      for (int k = 0; k < keys.length; k++) {
        double score = 0;
        for (int j = from; j < from + head; j++) {
          score += q[j] * keys[k][j];
        }
        weights[k] = Math.exp(score / Math.sqrt(head));
        total += weights[k];
      }
      for (int k = 0; k < keys.length; k++) {
        for (int j = from; j < from + head; j++) {
          out[j] += weights[k] / total * values[k][j];
        }
      }
    }
    return out;
  }

  private static double[] sum(double[] a, double[] b) {
    double[] sum = a.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += b[i];
    }
    return sum;
  }

  /** {@code a·wᵀ}. */
  private static double[][] times(double[][] a, double[][] w) {
    double[][] product = new double[a.length][w.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < w.length; j++) {
        for (int k = 0; k < w[j].length; k++) {
          product[i][j] += a[i][k] * w[j][k];
        }
      }
    }
    return product;
  }

  private static double[][] transposed(double[][] a) {
    double[][] transposed = new double[a[0].length][a.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a[0].length; j++) {
        transposed[j][i] = a[i][j];
      }
    }
    return transposed;
  }

  private static double[][] matrix(Parameter parameter, Backend backend) {
    float[] values = floats(parameter.value(), backend);
    int columns = parameter.shape()[parameter.shape().length - 1];
    double[][] matrix = new double[values.length / columns][columns];
    for (int i = 0; i < values.length; i++) {
      matrix[i / columns][i % columns] = values[i];
    }
    return matrix;
  }

  private static AttachContext context(Model model, Backend backend) {
    return new AttachContext(model, Set.of(), backend, new Seeds(4));
  }

  private static float[] logits(Model model, Backend backend) {
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      return floats(model.logits(tape, TinyModels.batch(1)).value(), backend);
    }
  }

  private static float[] floats(Tensor tensor, Backend backend) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
