package org.peftsweep.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * The process of one contender: arguments name contender, shape, method and threads; every line of
 * standard input is a command, answered by one line of JSON behind {@link #MARK}.
 */
public final class Worker {
  /** What answers begin with: libraries print lines of their own. */
  static final String MARK = "BENCH ";

  private static final int CHECKED_STEPS = 3;

  private static final ObjectMapper JSON = new ObjectMapper();

  private Worker() {}

  /** Serves until {@code quit} or the end of input. */
  public static void main(String[] arguments) throws IOException {
    Workload workload =
        new Workload(
            Workload.named(Workload.Shape.class, arguments[1]),
            Workload.named(Workload.Tuning.class, arguments[2]),
            Integer.parseInt(arguments[3]));
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    long bare = ProcessUse.resident();
    try (Contender contender = Contender.open(arguments[0], workload)) {
      ProcessUse.forgetPeak();
      ObjectNode ready = JSON.createObjectNode();
      ready.put("gigaflops", contender.gigaflops());
      ready.put("bareBytes", bare);
      ready.put("loadedBytes", ProcessUse.resident());
      answer(ready);
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        String[] words = line.split(" ");
        switch (words[0]) {
          case "check" -> answer(check(contender));
          case "measure" ->
              answer(measure(contender, Double.parseDouble(words[1]), Integer.parseInt(words[2])));
          case "quit" -> {
            return;
          }
          default -> throw new IllegalArgumentException("Cannot do " + line);
        }
      }
    }
  }

  private static ObjectNode check(Contender contender) {
    ObjectNode losses = JSON.createObjectNode();
    losses.put("first", contender.loss());
    for (int i = 0; i < CHECKED_STEPS; i++) {
      contender.step();
    }
    losses.put("last", contender.loss());
    return losses;
  }

  /** Steps for so many seconds, and so many steps at least. */
  private static ObjectNode measure(Contender contender, double seconds, int atLeast) {
    long held = contender.nativeBytes();
    long resident = ProcessUse.resident();
    ObjectNode result = JSON.createObjectNode();
    ArrayNode millis = result.putArray("millis");
    double[] times = new double[4096];
    int calls = 0;
    // The second asks how much the first one's own asking took.
    long before = ProcessUse.allocatedOnHeap();
    long heap = ProcessUse.allocatedOnHeap();
    long busy = ProcessUse.processorNanos();
    long start = System.nanoTime();
    long now = start;
    while (calls < times.length && (calls < atLeast || now - start < seconds * 1e9)) {
      contender.step();
      long then = System.nanoTime();
      times[calls++] = (then - now) / 1e6 / contender.stepsAtOnce();
      now = then;
    }
    busy = ProcessUse.processorNanos() - busy;
    long allocated = ProcessUse.allocatedOnHeap() - heap - (heap - before);
    for (int i = 0; i < calls; i++) {
      millis.add(times[i]);
    }
    int steps = calls * contender.stepsAtOnce();
    result.put("processorMillisPerStep", busy / 1e6 / steps);
    result.put("heapBytesPerStep", Math.max(0, allocated) / steps);
    if (held >= 0) {
      result.put("nativeBytes", contender.nativeBytes());
      result.put("nativeBytesPerStep", (contender.nativeBytes() - held) / steps);
    }
    if (contender.weightBytes() >= 0) {
      result.put("weightBytes", contender.weightBytes());
    }
    result.put("residentBytesPerStep", (ProcessUse.resident() - resident) / steps);
    result.put("peakBytes", ProcessUse.peak());
    return result;
  }

  private static void answer(ObjectNode node) throws IOException {
    System.out.println(MARK + JSON.writeValueAsString(node));
    System.out.flush();
  }
}
