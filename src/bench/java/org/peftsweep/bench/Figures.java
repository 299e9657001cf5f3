package org.peftsweep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What was measured of one contender on one workload, over all rounds. */
final class Figures {
  private final String contender;
  private final List<Double> millis = new ArrayList<>();
  private final List<Double> roundMedians = new ArrayList<>();
  private JsonNode ready;
  private JsonNode losses;
  private JsonNode last;
  private final List<Double> busy = new ArrayList<>();
  private long peakBytes;

  Figures(String contender) {
    this.contender = contender;
  }

  String contender() {
    return contender;
  }

  void ready(JsonNode answer) {
    ready = answer;
  }

  void losses(JsonNode answer) {
    losses = answer;
  }

  void round(JsonNode answer) {
    List<Double> round = new ArrayList<>();
    answer.get("millis").forEach(value -> round.add(value.asDouble()));
    millis.addAll(round);
    roundMedians.add(median(round));
    busy.add(answer.get("processorMillisPerStep").asDouble());
    last = answer;
    peakBytes = Math.max(peakBytes, answer.get("peakBytes").asLong());
  }

  boolean isEmpty() {
    return millis.isEmpty();
  }

  double medianMillis() {
    return median(millis);
  }

  /** Returns the median of the rounds' processor time per step: of all threads, JVM included. */
  double processorMillis() {
    return median(busy);
  }

  double least() {
    return Collections.min(millis);
  }

  double most() {
    return Collections.max(millis);
  }

  /** Returns the medians of the rounds, in their order. */
  List<Double> roundMedians() {
    return roundMedians;
  }

  /** Returns the loss before the first step, or after the third; NaN where there is none. */
  double loss(String which) {
    return losses == null ? Double.NaN : losses.get(which).asDouble(Double.NaN);
  }

  double gigaflops() {
    return ready.get("gigaflops").asDouble();
  }

  /** Returns the most that the process held while it stepped, in bytes. */
  long peakBytes() {
    return peakBytes;
  }

  /** Returns what the process held before it loaded a model, in bytes. */
  long bareBytes() {
    return ready.get("bareBytes").asLong();
  }

  /** Returns the memory of the frozen weights, in bytes. */
  long weightBytes() {
    return last.path("weightBytes").asLong(-1);
  }

  JsonNode last() {
    return last;
  }

  ObjectNode json(ObjectNode node) {
    node.put("contender", contender);
    node.put("medianMillis", medianMillis());
    node.put("minMillis", least());
    node.put("maxMillis", most());
    node.put("processorMillis", processorMillis());
    ArrayNode rounds = node.putArray("roundMedianMillis");
    roundMedians.forEach(rounds::add);
    node.put("steps", millis.size());
    if (losses != null && !Double.isNaN(loss("first"))) {
      node.put("firstLoss", loss("first"));
      node.put("lossAfter3Steps", loss("last"));
    }
    node.put("bareBytes", bareBytes());
    node.put("loadedBytes", ready.get("loadedBytes").asLong());
    node.put("peakBytes", peakBytes);
    for (String key :
        List.of(
            "heapBytesPerStep",
            "nativeBytes",
            "nativeBytesPerStep",
            "weightBytes",
            "residentBytesPerStep")) {
      if (last.has(key)) {
        node.set(key, last.get(key));
      }
    }
    return node;
  }

  static double median(List<Double> values) {
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }
}
