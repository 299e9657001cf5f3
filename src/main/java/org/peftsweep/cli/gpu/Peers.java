package org.peftsweep.cli.gpu;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Steps of PEFT on PyTorch, where a Python of this machine has them: {@code
 * src/bench/python/gpu_peers.py} in processes of its own, one a shape. They import what they need
 * at once, which takes long, and touch the GPU only when they are asked.
 */
final class Peers implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long MOST_IMPORT_SECONDS = 60;

  /** A process that answers a line of JSON to each line that it is sent. */
  private static final class Peer {
    private final Process process;
    private final BlockingQueue<Optional<JsonNode>> answers = new LinkedBlockingQueue<>();

    Peer(Process process) {
      this.process = process;
      Thread reader = new Thread(this::read, "peer");
      reader.setDaemon(true);
      reader.start();
    }

    private void read() {
      try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          if (line.startsWith("{")) {
            answers.add(Optional.of(JSON.readTree(line)));
          }
        }
      } catch (IOException e) {
        // It was ended in the midst of a line.
        process.destroyForcibly();
      }
      answers.add(Optional.empty());
    }

    void ask(String what) {
      try {
        process.outputWriter(StandardCharsets.UTF_8).append(what).append('\n').flush();
      } catch (IOException e) {
        process.destroyForcibly();
      }
    }

    /** Returns its next answer; empty if it ended, or took too long and was ended. */
    Optional<JsonNode> answer(double seconds) {
      Optional<JsonNode> answer = null;
      try {
        answer = answers.poll((long) (1000 * seconds), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      if (answer == null) {
        process.destroyForcibly();
        return Optional.empty();
      }
      return answer;
    }
  }

  private final Findings findings;
  private final Map<String, Peer> running = new LinkedHashMap<>();

  /** Starts a process for each shape, by the name of the shape. */
  Peers(Findings findings, String python, Path script, Map<String, Map<String, Object>> shapes) {
    this.findings = findings;
    shapes.forEach(
        (name, shape) -> {
          try {
            ProcessBuilder builder =
                new ProcessBuilder(python, script.toString(), JSON.writeValueAsString(shape))
                    .redirectError(ProcessBuilder.Redirect.DISCARD);
            // PyTorch brings CUDA libraries of its own.
            String libraries = System.getenv().getOrDefault("PEERS_LIBRARY_PATH", "");
            builder.environment().put("LD_LIBRARY_PATH", libraries);
            running.put(name, new Peer(builder.start()));
          } catch (IOException e) {
            // There is no Python, which is the same as one without PyTorch.
            running.remove(name);
          }
        });
  }

  /** Returns what the peers are made of, such as their versions; empty where none is here. */
  Optional<Map<String, Object>> versions() {
    Map<String, Object> versions = new LinkedHashMap<>();
    running
        .entrySet()
        .removeIf(
            peer -> {
              Optional<JsonNode> ready = peer.getValue().answer(MOST_IMPORT_SECONDS);
              boolean isHere = ready.isPresent() && !ready.get().has("lack");
              if (isHere) {
                ready.get().properties().forEach(e -> versions.put(e.getKey(), text(e.getValue())));
              }
              return !isHere;
            });
    return versions.isEmpty() ? Optional.empty() : Optional.of(versions);
  }

  private static String text(JsonNode value) {
    return value.asText();
  }

  /**
   * Times steps of a shape.
   *
   * @param modes of running them, as the script names them
   * @param as what the fastest of them is called
   * @param seconds that one mode may take
   */
  void time(String name, List<String> modes, String as, double seconds) {
    Peer peer = running.get(name);
    if (peer == null || !findings.hasTime("PEFT, " + name + as, seconds / 2)) {
      return;
    }
    double best = Double.POSITIVE_INFINITY;
    for (String mode : modes) {
      peer.ask(mode);
      Optional<JsonNode> answer =
          peer.answer(Math.max(1, Math.min(seconds, findings.secondsLeft())));
      if (answer.isEmpty()) {
        running.remove(name);
        findings.leaveOut("PEFT, " + name + ", " + mode, "it took too long, or ended");
        break;
      }
      if (answer.get().has("lack")) {
        findings.leaveOut("PEFT, " + name + ", " + mode, answer.get().path("lack").asText());
        continue;
      }
      double millis = answer.get().path("ms").asDouble();
      findings.add(Goals.PEER, name + ", " + mode, millis, "ms");
      if (mode.equals("eager")) {
        double megabytes = answer.get().path("megabytes").asDouble();
        findings.add(Goals.MEMORY, Goals.PEER + " " + name, megabytes, "MB");
      }
      best = Math.min(best, millis);
    }
    if (Double.isFinite(best) && !modes.equals(List.of(as.substring(2)))) {
      findings.add(Goals.PEER, name + as, best, "ms");
    }
  }

  /** Ends the process of a shape, which gives its memory of the GPU back. */
  void end(String name) {
    Peer peer = running.remove(name);
    if (peer != null) {
      end(peer);
    }
  }

  private static void end(Peer peer) {
    peer.process.destroyForcibly();
    try {
      peer.process.waitFor(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    running.values().forEach(Peers::end);
    running.clear();
  }

  /** Returns a shape as the script reads it. */
  static Map<String, Object> shape(CheckedSteps.Shape shape, String method, int rank) {
    var sizes = shape.config().sizes();
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("kind", shape.config().rope().isPresent() ? "llama" : "roberta");
    members.put("vocabulary", sizes.vocabulary());
    members.put("width", sizes.hidden());
    members.put("layers", sizes.layers());
    members.put("heads", sizes.heads());
    members.put("key_heads", sizes.keyValueHeads());
    members.put("inner", sizes.feedForward());
    members.put("rows", shape.rows());
    members.put("tokens", shape.tokens());
    members.put("method", method);
    members.put("rank", rank);
    return members;
  }
}
