package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Gpt2Architecture;
import org.peftsweep.model.KeyValues;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** A text that is gone on with token by token has the logits of the whole text, by every method. */
class NextTokenContractTest {
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);

  /** One that turns heads by positions and one that learns them. */
  private static final Set<Architecture> EVERY_METHOD =
      Set.of(TinyModels.LLAMA, new Gpt2Architecture());

  private static final int[] PROMPTS = {3, 5, 1};
  private static final int MORE = 4;

  static Stream<Arguments> methods() {
    return Architectures.all().stream()
        .filter(TinyModels::isDecoder)
        .flatMap(
            architecture ->
                MethodContractTest.SAMPLES.values().stream()
                    .filter(method -> MethodContractTest.fits(method, architecture))
                    .filter(method -> EVERY_METHOD.contains(architecture) || method instanceof LoRA)
                    .map(method -> Arguments.of(method, architecture)));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methods")
  void goesOnAsTheWholeTextDoes(Method method, Architecture architecture) {
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.languageModel(architecture, backend);
        KeyValues kept = new KeyValues(backend, MORE)) {
      Set<Role> targets = method.usesTargets() ? TARGETS : EnumSet.noneOf(Role.class);
      InitCache prepared = prepared(List.of(TinyModels.batch(20), TinyModels.batch(21)));
      method.attach(new AttachContext(model, targets, backend, new Seeds(1), prepared));
      perturb(model, backend);
      int[][] rows = new int[PROMPTS.length][];
      SplittableRandom random = new SplittableRandom(9);
      Arrays.setAll(rows, i -> random.ints(PROMPTS[i] + MORE, 2, 50).toArray());
      int longest = Arrays.stream(PROMPTS).max().orElseThrow();
      for (int more = 0; more <= MORE; more++) {
        int[] lengths = new int[PROMPTS.length];
        int now = more;
        Arrays.setAll(lengths, i -> PROMPTS[i] + now);
        Batch batch =
            more == 0
                ? batch(rows, lengths, longest)
                : batch(lastOnly(rows, lengths), lengths, longest + MORE);
        tape.startEvaluation();
        float[] next = read(backend, model.next(tape, batch, last(batch, lengths), kept));
        for (int row = 0; row < rows.length; row++) {
          Batch whole = batch(new int[][] {rows[row]}, new int[] {lengths[row]}, lengths[row]);
          tape.startEvaluation();
          int[] end = {lengths[row] - 1};
          float[] wanted = read(backend, model.logits(tape, whole, end));
          float[] own = Arrays.copyOfRange(next, row * wanted.length, (row + 1) * wanted.length);
          assertThat(own).as("row %d after %d", row, more).containsExactly(wanted, within(2e-4f));
        }
      }
    }
  }

  /** A row of several texts is what each is alone. */
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methods")
  void textsOfOneRowDoNotSeeEachOther(Method method, Architecture architecture) {
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.languageModel(architecture, backend)) {
      Set<Role> targets = method.usesTargets() ? TARGETS : EnumSet.noneOf(Role.class);
      InitCache prepared = prepared(List.of(TinyModels.batch(20), TinyModels.batch(21)));
      method.attach(new AttachContext(model, targets, backend, new Seeds(1), prepared));
      perturb(model, backend);
      SplittableRandom random = new SplittableRandom(8);
      int[] lengths = {4, 1, 5};
      int[][] texts = new int[lengths.length][];
      Arrays.setAll(texts, i -> random.ints(lengths[i], 2, 50).toArray());
      int[] ids = new int[2 * 12];
      int[] mask = new int[ids.length];
      int at = 12;
      for (int i = 0; i < texts.length; i++) {
        System.arraycopy(texts[i], 0, ids, at, lengths[i]);
        Arrays.fill(mask, at, at + lengths[i], i + 1);
        at += lengths[i];
      }
      System.arraycopy(texts[2], 0, ids, 0, lengths[2]);
      Arrays.fill(mask, 0, lengths[2], 1);
      Batch packed = new Batch(2, 12, ids, mask, new int[ids.length], new float[2], new int[2]);
      at = 12;
      for (int[] text : texts) {
        int from = at;
        int[] places = IntStream.range(from, from + text.length).toArray();
        tape.startEvaluation();
        float[] together = read(backend, model.logits(tape, packed, places));
        tape.startEvaluation();
        Batch alone = batch(new int[][] {text}, new int[] {text.length}, text.length);
        int[] all = IntStream.range(0, text.length).toArray();
        assertThat(together)
            .containsExactly(read(backend, model.logits(tape, alone, all)), within(2e-4f));
        at += text.length;
      }
    }
  }

  /** The second token of each row is told from the first. */
  static InitCache prepared(List<Batch> batches) {
    InitCache.Loss loss =
        new InitCache.Loss() {
          private int[] begins(Batch batch) {
            return IntStream.range(0, batch.rows()).map(row -> row * batch.tokens()).toArray();
          }

          @Override
          public Var outputs(Tape tape, Model model, Batch batch) {
            return model.logits(tape, batch, begins(batch));
          }

          @Override
          public Tensor of(Tape tape, Var outputs, Batch batch) {
            return tape.crossEntropy(
                outputs,
                tape.ints(
                    () -> Arrays.stream(begins(batch)).map(at -> batch.ids()[at + 1]).toArray()));
          }
        };
    Map<Object, Object> kept = new HashMap<>();
    InitCache.Store store =
        new InitCache.Store() {
          @Override
          @SuppressWarnings("unchecked")
          public <T> T once(Object key, Supplier<T> make) {
            return (T) kept.computeIfAbsent(key, missing -> make.get());
          }
        };
    return new InitCache(store, "base", "task", () -> batches, loss);
  }

  private static Batch batch(int[][] rows, int[] lengths, int tokens) {
    int[] ids = new int[rows.length * tokens];
    int[] mask = new int[ids.length];
    for (int row = 0; row < rows.length; row++) {
      System.arraycopy(rows[row], 0, ids, row * tokens, lengths[row]);
      Arrays.fill(mask, row * tokens, row * tokens + lengths[row], 1);
    }
    return new Batch(
        rows.length,
        tokens,
        ids,
        mask,
        new int[ids.length],
        new float[rows.length],
        new int[rows.length]);
  }

  /** What is gone on with is not read again. */
  private static int[][] lastOnly(int[][] rows, int[] lengths) {
    int[][] last = new int[rows.length][];
    for (int row = 0; row < rows.length; row++) {
      last[row] = new int[rows[row].length];
      last[row][lengths[row] - 1] = rows[row][lengths[row] - 1];
    }
    return last;
  }

  private static int[] last(Batch batch, int[] lengths) {
    int[] places = new int[lengths.length];
    Arrays.setAll(places, row -> row * batch.tokens() + lengths[row] - 1);
    return places;
  }

  private static float[] read(Backend backend, Var logits) {
    return TinyModels.read(backend, logits.value());
  }

  private static void perturb(Model model, Backend backend) {
    SplittableRandom random = new SplittableRandom(5);
    for (Parameter parameter : model.trainable()) {
      float[] values = TinyModels.read(backend, parameter.value());
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.1 * random.nextGaussian());
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }
}
