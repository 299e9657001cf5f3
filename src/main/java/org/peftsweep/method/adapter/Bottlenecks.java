package org.peftsweep.method.adapter;

import java.util.List;
import java.util.Set;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Sublayer;

/** Puts bottlenecks around the sub-layers of a model, under the names of adapter-transformers. */
public final class Bottlenecks {
  /** The name of the one adapter, which is part of each tensor's. */
  private static final String PREFIX = ".adapters.a.adapter_";

  /** Deviation of BERT's initialisation. */
  private static final double SMALL = 0.02;

  private Bottlenecks() {}

  /** Returns the sub-layers of some kinds, in the model's order. */
  public static List<Sublayer> places(Model model, Set<Sublayer.Kind> kinds) {
    return model.sublayers().stream().filter(part -> kinds.contains(part.kind())).toList();
  }

  /** Returns the inner width of an adapter, at least 1. */
  public static int inner(Sublayer at, int reduction) {
    return Math.max(1, at.width() / reduction);
  }

  /** Makes a frozen tensor of zeros of an adapter. */
  public static Parameter zeros(AttachContext to, Sublayer at, String name, int... shape) {
    Role role = at.kind() == Sublayer.Kind.ATTENTION ? Role.OUTPUT : Role.FFN_DOWN;
    return Parameter.zeros(to.backend(), at.name() + PREFIX + name, role, at.layer(), shape);
  }

  /**
   * Makes the way down: normal with a deviation of 0.02, or uniform in ±1/√width.
   *
   * @param isSmall which of the two
   */
  public static Affine.Dense down(AttachContext to, Sublayer at, int inner, boolean isSmall) {
    Backend backend = to.backend();
    Parameter weight = zeros(to, at, "down.0.weight", inner, at.width()).train(backend);
    if (isSmall) {
      to.normal(weight, 0, SMALL);
    } else {
      to.uniform(weight, 1 / Math.sqrt(at.width()));
    }
    return new Affine.Dense(weight, zeros(to, at, "down.0.bias", inner).train(backend));
  }

  /**
   * Makes the way up: normal with a deviation of 0.02, or zero, so that step 0 equals the base
   * model.
   *
   * @param isSmall which of the two
   */
  public static Affine.Dense up(AttachContext to, Sublayer at, int inner, boolean isSmall) {
    Backend backend = to.backend();
    Parameter weight = zeros(to, at, "up.weight", at.width(), inner).train(backend);
    if (isSmall) {
      to.normal(weight, 0, SMALL);
    }
    return new Affine.Dense(weight, zeros(to, at, "up.bias", at.width()).train(backend));
  }

  /** Lets the norms of the model learn. */
  public static void trainNorms(AttachContext to) {
    for (Parameter parameter : norms(to.model())) {
      parameter.train(to.backend());
    }
  }

  /** Returns the scalars of the norms of a model. */
  public static long sizeOfNorms(Model outline) {
    return norms(outline).stream().mapToLong(Parameter::size).sum();
  }

  private static List<Parameter> norms(Model model) {
    return model.parameters().stream().filter(parameter -> parameter.role() == Role.NORM).toList();
  }

  /** Returns the scalars of plain adapters. */
  public static long size(Model outline, Set<Sublayer.Kind> kinds, int reduction) {
    return places(outline, kinds).stream()
        .mapToLong(
            at -> {
              long inner = inner(at, reduction);
              return 2 * inner * at.width() + inner + at.width();
            })
        .sum();
  }
}
