package org.peftsweep.cli.gpu;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What of a class path a program needs: the classes that it names, in code or in strings, those
 * that these name, and so on; of an interface that is named, the services too. What only Spark and
 * ND4J need is left out, and so are devices that are emulated.
 *
 * <p>{@code jobs/gpu-bundle.sh} packs that of {@link GpuCheck}.
 */
final class NeededClasses {
  /** Engines that the check does not compute with, and what is as large and only they need. */
  private static final List<String> LEFT =
      List.of(
          "org/apache/spark/",
          "org/apache/parquet/",
          "org/apache/logging/",
          "org/bytedeco/dnnl/",
          "org/bytedeco/openblas/global/openblas_full",
          "org/deeplearning4j/",
          "org/nd4j/",
          "scala/");

  /**
   * Resources of every package whose classes are needed, but these, which are chosen one by one.
   */
  private static final String SERVICES = "META-INF/services/";

  private static final String CLASS = ".class";
  private static final Pattern NAMED = Pattern.compile("L([\\w/$]+)[;<]");
  private static final int CLASS_FILE_HEADER = 8;

  private final Map<String, List<Source>> found = new TreeMap<>();
  private final Map<String, List<byte[]>> needed = new TreeMap<>();
  private final Deque<String> open = new ArrayDeque<>();

  /** Where a file of the class path is read. */
  private interface Source {
    byte[] bytes() throws IOException;
  }
}
