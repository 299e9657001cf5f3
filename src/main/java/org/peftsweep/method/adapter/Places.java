package org.peftsweep.method.adapter;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/**
 * Whole numbers beside an adapter's parameters, which kernels read as places of elements: their
 * memory is that of a frozen parameter, so that it is counted and freed with the others.
 *
 * @param parameter holds the bits
 * @param numbers the same memory as {@code I32}
 */
public record Places(Parameter parameter, Tensor numbers) {
  /** Puts numbers beside the parameters of a projection. */
  public static Places of(Backend backend, Linear linear, String name, int[] numbers) {
    Parameter parameter =
        Parameter.zeros(
            backend, linear.name() + "." + name, linear.role(), linear.layer(), numbers.length);
    Places places = of(parameter);
    backend.write(numbers, places.numbers);
    return places;
  }

  /** Reads a parameter's bits as numbers. */
  public static Places of(Parameter parameter) {
    Tensor value = parameter.value();
    return new Places(
        parameter,
        new Tensor(ElementType.I32, value.memory(), value.offset(), Math.toIntExact(value.size())));
  }
}
