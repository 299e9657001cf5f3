package org.peftsweep.compute.cpu;

/** The JVM was started without the module that the cpu backend's kernels are written with. */
public final class VectorApiMissingException extends IllegalStateException {
  VectorApiMissingException() {
    super(
        "Cannot open the cpu backend without the module jdk.incubator.vector:"
            + " start Java with --add-modules jdk.incubator.vector");
  }
}
