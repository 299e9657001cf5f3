package org.peftsweep.method;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DelegatingHooks;
import org.peftsweep.method.adapter.LayerScores;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Probe;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Importance-aware sparse tuning: in each step only a few layers learn, drawn by scores that are
 * estimated while training. Layers that rest hold no gradient, and their optimizer state lies in
 * ordinary memory, untouched; the head always learns.
 *
 * <p>Yao et al., Findings of EMNLP 2024, arXiv:2410.11772, and the authors' code; {@link
 * LayerScores} has the estimate. A layer of high score is one that can be done without.
 *
 * <p>Differs from the released code: a suppressed layer is one whose projections feel only a part
 * of what training changed in their outputs, which is the same for LoRA and gives methods without a
 * scale, and those that train weights, a meaning; with few layers there may be fewer candidates.
 *
 * @param over the method whose layers are chosen
 * @param updateFraction part of the layers that learn in a step, rounded down, at least one
 * @param suppressFraction part of the layers that a candidate suppresses, likewise
 * @param suppression what suppressed layers still give, in [0, 1)
 * @param candidates sets of suppressed layers that are compared for an estimate, at least 2
 * @param scoreRate step size of the scores
 * @param scoreEvery steps between two estimates
 * @param probeExamples of the train part on which candidates are compared
 */
@Id("ist")
public record IST(
    Method over,
    double updateFraction,
    double suppressFraction,
    double suppression,
    int candidates,
    double scoreRate,
    int scoreEvery,
    int probeExamples)
    implements PlugIn {
  public IST {
    Objects.requireNonNull(over, "over");
    PlugIn.requireLayers("ist", over);
    part("update-fraction", updateFraction);
    part("suppress-fraction", suppressFraction);
    Settings.fraction("suppression", suppression);
    Settings.between("candidates", candidates, 2, 1_000);
    Settings.positive("score-rate", scoreRate);
    Settings.between("score-every", scoreEvery, 1, Settings.MOST_STEPS);
    Settings.between("probe-examples", probeExamples, 1, Settings.MOST);
  }

  private static void part(String setting, double value) {
    if (!(value > 0 && value <= 1)) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a number above 0 and at most 1");
    }
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    MethodHooks inner = over.attach(to);
    for (Linear linear : to.model().projections()) {
      linear.weight().keepOrigin(to.backend());
      if (linear.bias() != null) {
        linear.bias().keepOrigin(to.backend());
      }
    }
    return new Choosing(this, to, inner);
  }

  /** Chooses layers for one trial. */
  private static final class Choosing extends DelegatingHooks {
    private final IST settings;
    private final AttachContext to;
    private final LayerScores scores;
    private final int learning;

    /** Those that the method adapts, from the lowest up; scores go by place in here. */
    private final int[] layers;

    private final List<Parameter> parameters;
    private final List<Linear> changed;
    private final int[] selected;
    private final List<LayerScore> rows = new ArrayList<>();

    Choosing(IST settings, AttachContext to, MethodHooks inner) {
      super(inner);
      this.settings = settings;
      this.to = to;
      this.layers =
          to.model().projections().stream()
              .mapToInt(Linear::layer)
              .filter(layer -> layer >= 0)
              .distinct()
              .sorted()
              .toArray();
      this.scores =
          new LayerScores(
              layers.length,
              Math.max(1, (int) (settings.suppressFraction * layers.length)),
              settings.candidates,
              settings.scoreRate);
      this.learning = Math.max(1, (int) (settings.updateFraction * layers.length));
      this.selected = new int[layers.length];
      this.changed = to.model().projections().stream().filter(Choosing::isChanged).toList();
      this.parameters =
          to.model().trainable().stream().filter(parameter -> parameter.layer() >= 0).toList();
    }

    private static boolean isChanged(Linear linear) {
      return linear.adapter() != null
          || linear.weight().isTrainable()
          || (linear.bias() != null && linear.bias().isTrainable());
    }

    @Override
    public void beforeStep(int step, int steps, Probe probe) {
      super.beforeStep(step, steps, probe);
      if (step % settings.scoreEvery == 0) {
        if (step > 0) {
          var loss = probe.draw(settings.probeExamples, step);
          scores.update(
              to.seeds().random("ist candidates " + step),
              suppressed -> {
                respond(suppressed, (float) settings.suppression);
                double value = loss.getAsDouble();
                respond(suppressed, 1);
                return value;
              });
        }
        note(step);
      }
      boolean[] chosen = new boolean[to.model().layers()];
      for (int place : scores.draw(learning, -1, to.seeds().random("ist layers " + step))) {
        chosen[layers[place]] = true;
        selected[place]++;
      }
      for (Parameter parameter : parameters) {
        if (!chosen[parameter.layer()]) {
          parameter.rest(to.backend());
        }
      }
      for (Parameter parameter : parameters) {
        if (chosen[parameter.layer()]) {
          parameter.wake(to.backend());
        }
      }
    }

    private void respond(int[] places, float response) {
      for (Linear linear : changed) {
        if (IntStream.of(places).anyMatch(place -> layers[place] == linear.layer())) {
          linear.respond(response);
        }
      }
    }

    private void note(int step) {
      for (int place = 0; place < selected.length; place++) {
        rows.add(new LayerScore(step, layers[place], scores.of(place), selected[place]));
        selected[place] = 0;
      }
    }

    @Override
    public List<LayerScore> layerScores(int steps) {
      note(steps);
      return List.copyOf(rows);
    }

    @Override
    public void save(StateWriter to) {
      super.save(to);
      to.doubles("scores", scores.all());
      to.longs("selected", IntStream.of(selected).asLongStream().toArray());
      to.longs("row-steps", rows.stream().mapToLong(LayerScore::step).toArray());
      to.longs("row-selected", rows.stream().mapToLong(LayerScore::selected).toArray());
      to.doubles("row-scores", rows.stream().mapToDouble(LayerScore::score).toArray());
    }

    @Override
    public void restore(StateReader from) {
      super.restore(from);
      scores.restore(from.doubles("scores"));
      long[] counts = from.longs("selected");
      Arrays.setAll(selected, layer -> (int) counts[layer]);
      long[] steps = from.longs("row-steps");
      long[] rowCounts = from.longs("row-selected");
      double[] rowScores = from.doubles("row-scores");
      for (int row = 0; row < steps.length; row++) {
        // Each note has a row of every layer.
        int layer = layers[row % selected.length];
        rows.add(new LayerScore((int) steps[row], layer, rowScores[row], (int) rowCounts[row]));
      }
    }
  }
}
