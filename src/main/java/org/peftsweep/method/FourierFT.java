package org.peftsweep.method;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Draws;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Discrete Fourier fine-tuning: ΔW is the real part of the inverse transform, times scaling, of a
 * spectrum of which a few entries learn, at the same random places in all targets of one shape.
 *
 * <p>Gao et al., arXiv:2405.03003, §3. The transform is written as a product of frozen cosines and
 * sines: {@code ΔW[i, j] = (scaling/(out·in))·Σ c·cos(2π(u·i/out + v·j/in))}. Differs from the
 * paper: the spectrum starts at zero instead of normally, so that step 0 equals the base model.
 *
 * @param frequencies entries of the spectrum that learn, at least 1
 * @param scaling on ΔW
 * @param locationSeed draws the places; no trial's seed changes them
 */
@Id("fourierft")
public record FourierFT(int frequencies, double scaling, long locationSeed) implements Method {
  public FourierFT {
    Settings.between("frequencies", frequencies, 1, Settings.MOST);
    Settings.positive("scaling", scaling);
  }

  /** The frozen factors of all targets of one shape. */
  private record Waves(Parameter left, Parameter right, Places twice) {}

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<List<Integer>, Waves> shared = new HashMap<>();
    for (Linear linear : to.projections()) {
      Parameter spectrum = to.learning(linear, "fourierft_spectrum", frequencies);
      List<Parameter> all = new ArrayList<>(List.of(spectrum));
      Waves waves =
          shared.computeIfAbsent(
              List.of(linear.out(), linear.in()),
              key -> {
                Waves own = waves(to, linear);
                all.addAll(List.of(own.left, own.right, own.twice.parameter()));
                return own;
              });
      linear.attach(
          new DeltaAdapter(
              all, List.of(spectrum), (tape, base) -> delta(tape, spectrum.var(), waves)));
    }
    return MethodHooks.PASSIVE;
  }

  private Var delta(Tape tape, Var spectrum, Waves waves) {
    Var both = Matrices.gather(tape, spectrum, waves.twice.numbers(), 1, 2 * frequencies);
    Var weighted = tape.multiplyRow(waves.left.var(), both);
    tape.done(both);
    Var delta = Matrices.product(tape, weighted, waves.right.var());
    tape.done(weighted);
    return delta;
  }

  private Waves waves(AttachContext to, Linear linear) {
    int out = linear.out();
    int in = linear.in();
    Parameter left = to.zeros(linear, "fourierft_left", out, 2 * frequencies);
    Parameter right = to.zeros(linear, "fourierft_right", 2 * frequencies, in);
    int[] places =
        Draws.distinct(
            new Seeds(locationSeed).random("fourierft " + out + " " + in), frequencies, out * in);
    write(to.backend(), places, left.value(), right.value());
    int[] twice = new int[2 * frequencies];
    for (int i = 0; i < twice.length; i++) {
      twice[i] = i % frequencies;
    }
    return new Waves(left, right, Places.of(to.backend(), linear, "fourierft_twice", twice));
  }

  /**
   * Writes the frozen factors.
   *
   * @param places of the entries in the row-major spectrum
   * @param left {@code [out, 2·frequencies]}, scaled
   * @param right {@code [2·frequencies, in]}
   */
  void write(Backend backend, int[] places, Tensor left, Tensor right) {
    int out = left.rows();
    int in = right.columns();
    float[] ofRows = new float[out * 2 * frequencies];
    float[] ofColumns = new float[2 * frequencies * in];
    double scale = scaling / ((double) out * in);
    for (int k = 0; k < frequencies; k++) {
      long u = places[k] / in;
      long v = places[k] % in;
      for (int i = 0; i < out; i++) {
        double angle = 2 * Math.PI * (u * i % out) / out;
        ofRows[i * 2 * frequencies + k] = (float) (scale * Math.cos(angle));
        ofRows[i * 2 * frequencies + frequencies + k] = (float) (-scale * Math.sin(angle));
      }
      for (int j = 0; j < in; j++) {
        double angle = 2 * Math.PI * (v * j % in) / in;
        ofColumns[k * in + j] = (float) Math.cos(angle);
        ofColumns[(frequencies + k) * in + j] = (float) Math.sin(angle);
      }
    }
    backend.write(ofRows, 0, left, 0, ofRows.length);
    backend.write(ofColumns, 0, right, 0, ofColumns.length);
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    for (Linear linear : outline.projections()) {
      long size = (long) linear.out() * linear.in();
      if (targets.contains(linear.role()) && frequencies > size) {
        throw new IllegalArgumentException(
            "Cannot use frequencies = %d: %s has %d entries, give at most that"
                .formatted(frequencies, linear.name(), size));
      }
    }
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return frequencies;
  }
}
