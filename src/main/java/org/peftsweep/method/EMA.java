package org.peftsweep.method;

import java.util.Objects;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DelegatingHooks;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.MovingAverage;
import org.peftsweep.optim.UpdateRule;

/**
 * Evaluates and keeps an exponential moving average of all that learns; the last weights are
 * evaluated beside it, as metrics such as {@code dev/last/accuracy}.
 *
 * <p>Qiao et al., Large Continual Instruction Assistant, ICML 2025, arXiv:2410.10868, whose β is
 * balanced between plasticity and stability in each step ({@link MovingAverage}).
 *
 * <p>Differs from the paper: there is one task, so what it holds on to is the start; β is balanced
 * a tensor at a time, with the curvature from sums of absolute values, and at most the given decay.
 * How the authors sum and bound it is unverified.
 *
 * @param over the method whose weights are averaged
 * @param decay β: part of the average that a step leaves, in [0, 1); where balanced, at most
 * @param balanced whether β follows gradients and weights
 */
@Id("ema")
public record EMA(Method over, double decay, boolean balanced) implements PlugIn {
  public EMA {
    Objects.requireNonNull(over, "over");
    PlugIn.requireLearning("ema", over);
    Settings.fraction("decay", decay);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    return new Averaging(this, over.attach(to));
  }

  private static final class Averaging extends DelegatingHooks {
    private final EMA settings;

    Averaging(EMA settings, MethodHooks inner) {
      super(inner);
      this.settings = settings;
    }

    @Override
    public UpdateRule updates() {
      UpdateRule moving = super.updates();
      return (parameter, optimizer) ->
          new MovingAverage(
              parameter, moving.update(parameter, optimizer), settings.decay, settings.balanced);
    }
  }
}
