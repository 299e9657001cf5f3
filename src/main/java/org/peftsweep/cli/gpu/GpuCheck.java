package org.peftsweep.cli.gpu;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.peftsweep.cli.ExitCode;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.GpuReading;

/**
 * Finds out whether a GPU computes what the processor does, how fast beside its peers, and which
 * goals that reaches, in the order that tells most where time is short. Needs neither Spark nor a
 * network.
 */
public final class GpuCheck {
  private static final int SECONDS_OF_MINUTE = 60;

  private final Findings findings;
  private final Extent extent;
  private final Map<String, Object> machine = new LinkedHashMap<>();

  private GpuCheck(Findings findings, Extent extent) {
    this.findings = findings;
    this.extent = extent;
  }

  /**
   * Runs the check.
   *
   * @param arguments minutes that it may take; the file that gets its figures as JSON; the folder
   *     of the program, with {@code conf} and {@code jobs}; the command that runs Python; whether
   *     it computes {@code all} or the {@code least}
   */
  public static void main(String... arguments) throws IOException {
    Optional<String> lack = Backends.lack("cuda");
    if (lack.isPresent()) {
      System.err.println(lack.get());
      System.exit(ExitCode.BAD_INPUT);
    }
    Findings findings =
        new Findings(System.out, SECONDS_OF_MINUTE * Double.parseDouble(arguments[0]));
    Extent extent = arguments[4].equals("least") ? Extent.LEAST : Extent.WHOLE;
    boolean isFine =
        run(findings, extent, Path.of(arguments[1]), Path.of(arguments[2]), arguments[3]);
    System.exit(isFine ? 0 : ExitCode.UNFINISHED);
  }

  /** A part of the check. */
  private interface Part {
    void run() throws IOException;
  }

  /**
   * Runs the check; returns whether all that is demanded agrees.
   *
   * @param file gets the figures
   * @param home folder with {@code conf} and {@code jobs}
   * @param python command that runs Python
   */
  static boolean run(Findings findings, Extent extent, Path file, Path home, String python)
      throws IOException {
    return new GpuCheck(findings, extent).run(file, home, python);
  }

  private boolean run(Path file, Path home, String python) throws IOException {
    Path script = home.resolve("src/bench/python/gpu_peers.py");
    try (Peers peers = new Peers(findings, python, script, Speeds.peers(extent))) {
      look();
      Comparisons comparisons = new Comparisons(findings, extent);
      part("kernels", file, comparisons::kernels);
      part("rows of products", file, comparisons::rows);
      part("golden cases", file, comparisons::suppliedCases);
      part("training steps", file, comparisons::steps);
      part("whole trials", file, comparisons::trials);
      peers
          .versions()
          .ifPresentOrElse(
              machine::putAll,
              () -> findings.leaveOut("PEFT", "Python lacks torch, transformers or peft"));
      try (Speeds speeds = new Speeds(findings, extent)) {
        part("speeds", file, () -> speeds.goals(peers));
        part("a sweep", file, () -> speeds.sweep(home.resolve("conf/quickstart.yaml")));
        part("precisions", file, speeds::precisions);
      }
    }
    findings.say("");
    findings.say("Goals of an H100 or H200:");
    goals().forEach(goal -> findings.say(goal.text()));
    findings.say("");
    List<String> left = findings.left();
    findings.say(left.isEmpty() ? "All was run" : "Left out: " + String.join("; ", left));
    findings.say("Figures: " + file.toAbsolutePath());
    return findings.areFine();
  }

  private void look() {
    try (Backend gpu = Backends.open("cuda", 1)) {
      GpuReading reading = gpu.gpu().orElseThrow();
      machine.put("device", gpu.device());
      machine.put("driver", reading.driver());
      machine.put("cuda", reading.cuda());
      findings.say(
          String.format("%s, driver %s, CUDA %s", gpu.device(), reading.driver(), reading.cuda()));
    }
  }

  private List<Goals.Goal> goals() {
    return new Goals(findings, extent.lanes(), extent.manyLanes()).all();
  }

  /** Runs a part, of whose faults others hear nothing, and keeps what is known by then. */
  private void part(String name, Path file, Part part) throws IOException {
    try {
      part.run();
    } catch (RuntimeException | Error e) {
      findings.say("OFF  " + name + ": " + e.getMessage());
      findings.add(new Findings.Finding("fault", name, 1, "faults", 0.0));
    }
    findings.write(file, machine, goals().stream().map(Goals.Goal::members).toList());
  }
}
