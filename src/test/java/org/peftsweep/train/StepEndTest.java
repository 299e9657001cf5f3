package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Lion;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;
import org.peftsweep.spec.Training;

/** Steps that end in their last pass leave what those leave that end behind it. */
class StepEndTest {
  private static final int STEPS = 4;
  private static final int TOKENS = 16;
  private static final Optimizer ADAM = new AdamW(0.9, 0.99, 1e-8);

  /** What sets trials of a pack apart. */
  private record Settings(int rank, double rate, double clip, int accumulate, Optimizer optimizer) {
    static Settings drawn(Random random) {
      double[] clips = {0, 1e-3, 1, 1e9};
      return new Settings(
          1 + random.nextInt(5),
          Math.pow(10, -4 + 2 * random.nextDouble()),
          clips[random.nextInt(clips.length)],
          1 + random.nextInt(3),
          ADAM);
    }

    Training training() {
      return new Training(
          0,
          STEPS,
          2,
          accumulate,
          TOKENS,
          Padding.MAX,
          1,
          Schedule.LINEAR,
          0.2,
          clip,
          0.01,
          optimizer,
          STEPS,
          Training.Precision.FP32);
    }
  }

  /** What came of a trial. */
  private static final class End {
    private final List<Double> losses = new ArrayList<>();
    private final List<Double> weights = new ArrayList<>();
    private double norm;
    private String failure = "";
  }

  /** A base that all trials of a pack read. */
  private record SharedBase(Weights drawn, Weights own, Map<String, Weight> made)
      implements Weights {
    static SharedBase on(Backend backend) {
      return new SharedBase(weights(backend), null, new ConcurrentHashMap<>());
    }

    SharedBase with(Backend backend) {
      return new SharedBase(drawn, weights(backend), made);
    }

    private static Weights weights(Backend backend) {
      return new RandomWeights(backend, 0.2, new Seeds(3));
    }

    @Override
    public Weight base(String name, Fresh fresh, int... shape) {
      return made.computeIfAbsent(name, missing -> drawn.base(name, fresh, shape));
    }

    @Override
    public Tensor head(String name, Fresh fresh, int... shape) {
      return own.head(name, fresh, shape);
    }
  }

  /** Counts calls of kernels, and says how seldom losses are looked at. */
  private static Backend watched(Backend backend, int between, Map<String, Integer> calls) {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              calls.merge(method.getName(), 1, Integer::sum);
              if (between > 0 && method.getName().equals("stepsBetweenLooks")) {
                return between;
              }
              try {
                return method.invoke(backend, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static List<End> run(String place, int between, List<Settings> all) throws Exception {
    return run(place, between, all, new TreeMap<>(), new TreeMap<>());
  }

  /**
   * Trains a pack.
   *
   * @param between two looks at losses, 0 for what the backend says
   * @param passCalls receives how often passes called each kernel
   * @param laneCalls receives the same of trials, passes apart
   */
  private static List<End> run(
      String place,
      int between,
      List<Settings> all,
      Map<String, Integer> passCalls,
      Map<String, Integer> laneCalls)
      throws Exception {
    End[] ends = new End[all.size()];
    Arrays.setAll(ends, i -> new End());
    try (TinyText text = TinyText.of(1);
        Backend passes = Backends.open(place, 1);
        Pack pack = new Pack(watched(passes, between, passCalls), all.size())) {
      SharedBase base = SharedBase.on(passes);
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < ends.length; i++) {
        int lane = i;
        threads.add(
            new Thread(
                () -> {
                  try (Backend own = Backends.open(place, 1)) {
                    Backend watched = watched(own, between, laneCalls);
                    Pack.Lane seat = pack.lane(lane);
                    pack.work(
                        seat,
                        () ->
                            train(text, base.with(own), all.get(lane), watched, seat, ends[lane]));
                  } catch (InterruptedException | RuntimeException | Error e) {
                    ends[lane].failure = e.toString();
                  }
                }));
      }
      threads.forEach(Thread::start);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    return List.of(ends);
  }

  private static void train(
      TinyText text, Weights weights, Settings settings, Backend backend, Pack.Lane lane, End end) {
    Objective objective = new NextToken();
    ModelConfig config =
        TinyModels.config(TinyModels.ROBERTA, 2, text.tokenizer().vocabularyTokens(), 40);
    Model model = objective.model(config, backend, weights);
    MethodHooks method =
        new LoRA(settings.rank, 8, 0)
            .attach(
                new AttachContext(
                    model, Set.of(Role.QUERY, Role.VALUE), backend, new Seeds(settings.rank)));
    Training training = settings.training();
    Updates updates =
        new Updates(
            backend,
            model.trainable(),
            new Rates(settings.rate, 4, settings.rate / 2, Rates.Grouping.ROLES),
            training.weightDecay(),
            training.optimizer());
    List<TokenizedExample> examples =
        text.examples().stream().filter(each -> each.encoded().tokens() <= TOKENS).toList();
    TokenisedTask data =
        new TokenisedTask(
            objective,
            examples,
            List.of(),
            List.of(new TokenisedTask.Named("x", examples.subList(0, 2))));
    Progress progress =
        new Progress() {
          @Override
          public void step(int step, int steps, double loss) {}

          @Override
          public void evaluated(Outcome.CurvePoint point) {
            if (point.trainLoss() != null) {
              end.losses.add(point.trainLoss());
              end.norm = point.gradientNorm();
            }
            end.losses.add(point.devMetrics().get("x/loss"));
          }
        };
    try (Assembly parts =
            new Assembly(
                training,
                data,
                Assembly.batches(training, text.tokenizer().padId()),
                new Seeds(5),
                backend,
                lane.with(model, method, objective),
                model,
                method,
                updates);
        RunWatch watch = new RunWatch(RunLimits.FREE)) {
      new Trainer(parts, progress, watch).run();
      model.trainable().forEach(p -> read(backend, p.value(), end.weights));
    } catch (Trainer.DivergedException e) {
      end.failure = e.getMessage();
    }
  }

  private static void read(Backend backend, Tensor tensor, List<Double> weights) {
    for (float value : TinyModels.read(backend, tensor)) {
      weights.add((double) value);
    }
  }

  private static void assertSame(List<End> found, List<End> expected) {
    for (int i = 0; i < expected.size(); i++) {
      assertThat(found.get(i).failure).as("trial %d", i).isEqualTo(expected.get(i).failure);
      assertThat(found.get(i).losses).as("trial %d", i).isEqualTo(expected.get(i).losses);
      assertThat(found.get(i).norm).as("trial %d", i).isEqualTo(expected.get(i).norm);
      assertThat(found.get(i).weights).as("trial %d", i).isEqualTo(expected.get(i).weights);
    }
  }

  private static void assertClose(List<Double> found, List<Double> expected, double bound) {
    assertThat(found).hasSameSizeAs(expected).isNotEmpty();
    for (int i = 0; i < found.size(); i++) {
      double allowed = bound * Math.max(0.1, Math.abs(expected.get(i)));
      assertThat(found.get(i)).isCloseTo(expected.get(i), within(allowed));
    }
  }

  private static List<Settings> drawn(long seed, int count) {
    Random random = new Random(seed);
    return random.ints(count).mapToObj(any -> Settings.drawn(random)).toList();
  }

  /** Rates, clipping, passes of a step and ranks as they come. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void bitsAreThoseOfStepsThatEndBehindTheirPasses(long seed) throws Exception {
    List<Settings> all = drawn(seed, 3);
    List<End> behind = run("cpu", 1, all);
    assertThat(behind).allMatch(end -> end.losses.size() == 3 && end.failure.isEmpty());
    assertSame(run("cpu", 3, all), behind);
  }

  @Test
  void onADeviceAllOfAStepIsItsPlanAndLeavesTheSame() throws Exception {
    List<Settings> all = new ArrayList<>(drawn(5, 2));
    all.add(new Settings(2, 1e-2, 1e-3, 1, ADAM));
    Map<String, Integer> passCalls = new TreeMap<>();
    Map<String, Integer> laneCalls = new TreeMap<>();
    List<End> inPlans = run("cuda:step-ends", 0, all, passCalls, laneCalls);
    assertThat(laneCalls).doesNotContainKeys("clip", "adamW", "append", "addNumber");
    assertThat(passCalls.get("adamW")).isLessThan(3 * STEPS);
    List<End> behind = run("cuda:step-ends", 1, all);
    assertSame(inPlans, behind);
    List<End> processor = run("cpu", 0, all);
    for (int i = 0; i < all.size(); i++) {
      assertClose(inPlans.get(i).losses, processor.get(i).losses, 1e-4);
      assertClose(List.of(inPlans.get(i).norm), List.of(processor.get(i).norm), 1e-4);
      assertClose(inPlans.get(i).weights, processor.get(i).weights, 2e-3);
    }
  }

  /** The first trial's weights overflow; the third's optimizer is none of the kernel. */
  @Test
  void whatIsNotFiniteEndsItsTrialAtTheStepWhereItWas() throws Exception {
    List<Settings> all =
        List.of(
            new Settings(3, 1e25, 1, 1, ADAM),
            new Settings(2, 1e-3, 1e-3, 2, ADAM),
            new Settings(2, 1e-3, 1, 1, new Lion(0.9, 0.99)));
    List<End> often = run("cpu", 1, all);
    assertThat(often.get(0).failure).matches("(Loss|Norm of the gradient) is .* at step [2-4]");
    assertThat(often.get(0).losses).hasSize(1);
    assertThat(often.subList(1, 3)).allMatch(end -> end.failure.isEmpty());
    Map<String, Integer> laneCalls = new TreeMap<>();
    List<End> seldom = run("cpu", 100, all, new TreeMap<>(), laneCalls);
    assertSame(seldom, often);
    assertThat(laneCalls.get("clip")).isEqualTo(STEPS);
    assertThat(run("cuda:step-ends", 0, all.subList(0, 1)).get(0).failure)
        .isEqualTo(often.get(0).failure);
  }
}
