package org.peftsweep.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DelegatingHooks;
import org.peftsweep.method.adapter.FeatureCalibration;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Probe;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Regularises by the features that the model had before training: the head is to tell the labels of
 * a memory of examples by these too, after a rotation and class means have brought them to where
 * the features of the same examples are now ({@link FeatureCalibration}).
 *
 * <p>Zhou et al., ICCV 2023, arXiv:2308.12058, for vision and full fine-tuning; that it goes with
 * parameter-efficient methods is unverified.
 *
 * <p>Differs from the released code: the memory is the first examples of train, looked at anew for
 * each calibration, in place of queues of past batches; both losses are means of equal weight; and
 * a class's mean weighs all its examples alike, as a head of two layers has no direction of a
 * class. Features are what the head reads.
 *
 * @param over the method that learns
 * @param memory examples whose features are kept, fewer where train has fewer
 * @param every steps between two calibrations
 */
@Id("drtune")
public record DRTune(Method over, int memory, int every) implements PlugIn {
  public DRTune {
    Objects.requireNonNull(over, "over");
    PlugIn.requireLearning("drtune", over);
    Settings.between("memory", memory, 1, Settings.MOST);
    Settings.between("every", every, 1, Settings.MOST_STEPS);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    return new Calibrating(this, to, over.attach(to));
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    PlugIn.super.requireFit(outline, targets);
    if (outline.isLanguageModel()) {
      throw new IllegalArgumentException(
          "Cannot plug drtune into a language model: it calibrates a head that learns, choose another"
              + " plug-in");
    }
  }

  @Override
  public String label() {
    return over().label() + " + DR-Tune";
  }

  private static final class Calibrating extends DelegatingHooks {
    private final DRTune settings;
    private final AttachContext to;
    private final List<Batch> batches = new ArrayList<>();

    /** Holds the labels of the memory. */
    private final Batch labels;

    private final int width;
    private final Memory own;
    private final Tensor features;

    /** As they were before the first step; null till then. */
    private float[] before;

    Calibrating(DRTune settings, AttachContext to, MethodHooks inner) {
      super(inner);
      this.settings = settings;
      this.to = to;
      int rows = 0;
      for (Batch batch : to.preparations().batches()) {
        if (rows < settings.memory) {
          batches.add(batch);
          rows += batch.rows();
        }
      }
      int kept = rows == 0 ? settings.memory : Math.min(rows, settings.memory);
      float[] given = new float[kept];
      int at = 0;
      for (Batch batch : batches) {
        int count = Math.min(batch.rows(), kept - at);
        System.arraycopy(batch.labels(), 0, given, at, count);
        at += count;
      }
      this.labels =
          new Batch(kept, 1, new int[kept], new int[kept], new int[kept], given, new int[kept]);
      this.width = to.model().sublayers().get(0).width();
      this.own = to.backend().allocate((long) kept * width);
      this.features = new Tensor(own, 0, kept, width);
      to.backend().fill(features, 0);
    }

    @Override
    public void beforeStep(int step, int steps, Probe probe) {
      super.beforeStep(step, steps, probe);
      if (step % settings.every == 0) {
        float[] now = look(probe);
        if (before == null) {
          before = now;
        }
        float[] calibrated = FeatureCalibration.of(before, now, labels.labels(), width);
        to.backend().write(calibrated, 0, features, 0, calibrated.length);
      }
    }

    private float[] look(Probe probe) {
      float[] seen = new float[labels.rows() * width];
      int at = 0;
      for (Batch batch : batches) {
        int from = at;
        int count = Math.min(batch.rows() * width, seen.length - from);
        probe.states(
            batch, (tape, states) -> tape.backend().read(states.value(), 0, seen, from, count));
        at += count;
      }
      return seen;
    }

    @Override
    public List<Tensor> regularisers(Tape tape) {
      List<Tensor> all = new ArrayList<>(super.regularisers(tape));
      Var outputs = to.model().outputs(tape, Var.constant(features));
      all.add(to.preparations().loss().of(tape, outputs, labels));
      return all;
    }

    @Override
    public long stateBytes() {
      return super.stateBytes() + Float.BYTES * own.floats();
    }

    @Override
    public void save(StateWriter to) {
      super.save(to);
      if (before != null) {
        to.floats("before", before);
        to.tensor("features", features, this.to.backend());
      }
    }

    @Override
    public void restore(StateReader from) {
      super.restore(from);
      if (from.has("before")) {
        before = from.floats("before");
        from.tensor("features", features, to.backend());
      }
    }

    @Override
    public void close() {
      super.close();
      to.backend().free(own);
    }
  }
}
