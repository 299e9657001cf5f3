package org.peftsweep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Times whole trials, training and evaluation: LoRA on a pretrained encoder and MRPC, as many side
 * by side as there are processors or in packs, beside real PEFT that trains one at a time on all
 * processors. Starting a process and reading weights and texts is nobody's.
 */
public final class Trials {
  private static final int SIDE_BY_SIDE = 2;
  private static final int PACKED = 4;
  private static final int SECONDS_AN_HOUR = 3600;

  private Trials() {}

  /** Arguments: folder of the model, folder of the GLUE files, rounds, optimizer steps a trial. */
  public static void main(String[] arguments) throws Exception {
    String model = Path.of(arguments[0]).toAbsolutePath().toString();
    String data = Path.of(arguments[1]).toAbsolutePath().toString();
    int rounds = Integer.parseInt(arguments[2]);
    int steps = Integer.parseInt(arguments[3]);
    TrialRuns runs = new TrialRuns();
    Map<String, List<Double>> hourly = new LinkedHashMap<>();
    for (int round = 0; round < rounds; round++) {
      for (String precision : List.of("fp32", "bf16")) {
        double alone =
            runs.alone(runs.trials(file(model, data, precision, steps, SIDE_BY_SIDE))).seconds();
        add(hourly, "ours " + precision + ", side by side", SIDE_BY_SIDE, alone);
      }
      double packed = runs.packed(runs.trials(file(model, data, "bf16", steps, PACKED)), 1).seconds();
      add(hourly, "ours bf16, a pack of " + PACKED, PACKED, packed);
      for (String peer : List.of("peft", "peft-bf16")) {
        if (Peft.isImportable()) {
          add(hourly, peer, 1, peer(peer, model, data, steps));
        }
      }
    }
    print(hourly, steps);
  }

  private static void add(
      Map<String, List<Double>> hourly, String who, int trials, double seconds) {
    double each = SECONDS_AN_HOUR * trials / seconds;
    hourly.computeIfAbsent(who, missing -> new ArrayList<>()).add(each);
    System.err.printf(Locale.ROOT, "%s: %.1f trials an hour%n", who, each);
  }

  private static String file(String model, String data, String precision, int steps, int seeds) {
    List<Integer> each = new ArrayList<>();
    for (int seed = 0; seed < seeds; seed++) {
      each.add(seed);
    }
    return """
        name: trials
        model: %s
        data: %s
        tasks: [mrpc]
        seeds: %s
        grid: [{method: lora, targets: qv}]
        rates: {learning-rate: 1e-3}
        training: {max-steps: %d, evaluate-every: %d, precision: %s}
        """
        .formatted(model, data, each, steps, steps, precision);
  }

  private static double peer(String name, String model, String data, int steps)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Peft.python(),
                Path.of("src", "bench", "python", "peft_trial.py").toString(),
                name,
                model,
                data,
                Integer.toString(steps),
                Integer.toString(Runtime.getRuntime().availableProcessors()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String answer = new String(process.getInputStream().readAllBytes()).strip();
    if (process.waitFor() != 0) {
      throw new IOException("Cannot time " + name + ": its script failed");
    }
    JsonNode values = new ObjectMapper().readTree(answer.substring(answer.lastIndexOf('\n') + 1));
    return values.get("seconds").asDouble();
  }

  private static void print(Map<String, List<Double>> hourly, int steps) {
    System.out.printf("MRPC, LoRA on q+v, %d steps of 32 texts, one evaluation%n%n", steps);
    System.out.println("| trials | an hour | to PEFT's better |");
    System.out.println("| --- | ---: | ---: |");
    Map<String, Double> medians = new LinkedHashMap<>();
    hourly.forEach((who, each) -> medians.put(who, median(each)));
    double best =
        medians.entrySet().stream()
            .filter(entry -> Peft.isOne(entry.getKey()))
            .mapToDouble(Map.Entry::getValue)
            .max()
            .orElse(Double.NaN);
    medians.forEach(
        (who, each) ->
            System.out.printf(Locale.ROOT, "| %s | %.1f | %.2f |%n", who, each, each / best));
  }

  private static double median(List<Double> values) {
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }
}
