package org.peftsweep.method;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Probe;
import org.peftsweep.method.adapter.SparseWeights;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.SaRAAdam;
import org.peftsweep.optim.SparseAdam;
import org.peftsweep.optim.UpdateRule;

/**
 * Progressive sparse low-rank adaptation: of each chosen matrix the entries of least magnitude
 * learn, under a penalty on the nuclear norm of what they make. Those that grew out of it by step
 * {@code refresh} stay as they are from there on. {@link SaRAAdam} has the rule.
 *
 * <p>Hu et al., arXiv:2409.06633, §3. As in the authors' code each step penalises one matrix, drawn
 * at random. Differs from it: a part of each matrix learns in place of what lies below one
 * threshold (2e-3), so that the count is known before; small matrices are penalised too; losses
 * that are told leave the penalty out. Rates for language are unverified.
 *
 * @param rate part of each matrix's entries that learn, above 0 and at most 1
 * @param nuclear weight of the nuclear norm, at least 0
 * @param refresh steps after which entries are looked at again, at least 1
 */
@Id("sara")
public record SaRA(double rate, double nuclear, int refresh) implements Method {
  public SaRA {
    SparseAdam.requireRate(rate);
    Settings.notNegative("nuclear", nuclear);
    Settings.between("refresh", refresh, 1, Settings.MOST_STEPS);
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<Parameter, SaRAAdam.Smallest> smallest = new IdentityHashMap<>();
    List<Parameter> weights = new ArrayList<>();
    for (Linear linear : to.projections()) {
      Parameter weight = SparseWeights.train(to, linear);
      int count = SparseAdam.kept(weight.size(), rate);
      float[] values = TrainedTensors.floats(weight, to.backend());
      smallest.put(weight, SaRAAdam.Smallest.of(values, count));
      weights.add(weight);
    }
    return new Penalised(this, smallest, weights, to.seeds());
  }

  /** Draws whose nuclear norm a step penalises. */
  private static final class Penalised implements MethodHooks {
    private final SaRA settings;
    private final List<Parameter> weights;
    private final Seeds seeds;
    private final SparseWeights updates;
    private Parameter drawn;

    Penalised(
        SaRA settings,
        Map<Parameter, SaRAAdam.Smallest> smallest,
        List<Parameter> weights,
        Seeds seeds) {
      this.settings = settings;
      this.weights = weights;
      this.seeds = seeds;
      Map<Parameter, int[]> chosen = new IdentityHashMap<>();
      smallest.forEach((weight, entries) -> chosen.put(weight, entries.places()));
      SaRAAdam.Settings common = new SaRAAdam.Settings(settings.nuclear, settings.refresh);
      this.updates =
          new SparseWeights(
              chosen,
              (weight, adam) ->
                  new SaRAAdam(
                      weight, (AdamW) adam, smallest.get(weight), common, () -> weight == drawn));
    }

    @Override
    public void beforeStep(int step, int steps, Probe probe) {
      if (settings.nuclear > 0 && !weights.isEmpty()) {
        drawn = weights.get(seeds.random("nuclear norm " + step).nextInt(weights.size()));
      }
    }

    @Override
    public UpdateRule updates() {
      return updates.updates();
    }

    @Override
    public long learning(Parameter parameter) {
      return updates.learning(parameter);
    }
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return optimizer instanceof AdamW;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return SparseAdam.kept((long) out * in, rate);
  }
}
