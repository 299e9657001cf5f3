package org.peftsweep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The figures as Markdown.
 *
 * <p>"× ours" is the median over rounds of time per example, the other's to the engine's in the same
 * number format. Shares of
 * the peak hold every contender to the products of the engine's own step. "Peak MB" is resident
 * memory above that of the bare JVM; "weights MB" the frozen weights with what products keep of
 * them. Two trials side by side (cpu-pair) have 1.8 times the
 * throughput of one at 0.56.
 */
final class Table {
  static final String HEADER =
      """
      | shape | method | threads | contender | ms a step | min–max | CPU ms | examples/s | × ours | \
      share of peak | peak MB | weights MB | heap B/step | native B/step |
      | --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |""";

  /** Of contenders whose products have factors of 16 bits. */
  static final String HALF = "-bf16";

  private Table() {}

  /**
   * Returns the processor's peak in this race, in 10⁹ operations a second, for the factors that a
   * contender multiplies.
   */
  static double peak(Map<String, Figures> figures, String contender) {
    boolean isHalf = contender.endsWith(HALF) && figures.containsKey("bf16-peak");
    Figures peak = figures.get(isHalf ? "bf16-peak" : "fma-peak");
    return peak.gigaflops() / peak.least() * 1e3;
  }

  /** Returns one line per contender. */
  static String rows(Workload workload, Map<String, Figures> figures) {
    StringBuilder text = new StringBuilder();
    for (Figures each : figures.values()) {
      text.append(row(workload, figures, each)).append('\n');
    }
    return text.toString();
  }

  private static String row(Workload workload, Map<String, Figures> all, Figures each) {
    String shape = workload.shape().id();
    if (each.contender().endsWith("-peak")) {
      return String.format(
          Locale.ROOT,
          "| %s | %s | %d | %s | | | | | | %.1f GFLOP/s | | | | |",
          shape,
          workload.method().id(),
          workload.threads(),
          each.contender(),
          each.gigaflops() / each.least() * 1e3);
    }
    double arithmetic = all.get("products").gigaflops();
    double median = each.medianMillis();
    int trials = each.contender().equals("cpu-pair") ? 2 : 1;
    return String.format(
        Locale.ROOT,
        "| %s | %s | %d | %s | %s | %s–%s | %s | %.1f | %s | %.1f %% | %d | %s | %s | %s |",
        shape,
        workload.method().id(),
        workload.threads(),
        each.contender(),
        millis(median),
        millis(each.least()),
        millis(each.most()),
        millis(each.processorMillis()),
        trials * 1e3 * workload.shape().rows() / median,
        String.format(Locale.ROOT, "%.2f", ratio(all, each, trials)),
        100 * trials * arithmetic / median * 1e3 / peak(all, each.contender()),
        (each.peakBytes() - each.bareBytes()) >> 20,
        each.weightBytes() < 0 ? "" : Long.toString(each.weightBytes() >> 20),
        bytes(each.last(), "heapBytesPerStep"),
        bytes(each.last(), "nativeBytesPerStep"));
  }

  /** Median of the rounds' ratios of time per trained example, the other's to ours. */
  static double ratio(Map<String, Figures> all, Figures other, int trials) {
    boolean isHalf = other.contender().endsWith(HALF) && all.containsKey("cpu" + HALF);
    Figures ours = all.get(isHalf ? "cpu" + HALF : "cpu");
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < ours.roundMedians().size(); i++) {
      ratios.add(other.roundMedians().get(i) / trials / ours.roundMedians().get(i));
    }
    return Figures.median(ratios);
  }

  private static String bytes(JsonNode last, String key) {
    return last.has(key) ? last.get(key).asText() : "";
  }

  private static String millis(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%.0f", value);
  }
}
