package org.peftsweep.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Library;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.PackRun;
import org.peftsweep.train.Progress;
import org.peftsweep.train.RunLimits;
import org.peftsweep.train.TrialRun;

/** Whole trials on all processors, one by one or in packs. */
final class TrialRuns {
  private static final String FILE = "bench.yaml";

  /** Wall clock of all trials, and the most memory that they held at once, their base included. */
  record Run(double seconds, long bytes, double loss) {}

  private final Library library = new Library(new Configuration());
  private final int processors = Runtime.getRuntime().availableProcessors();

  /** Returns the trials of a sweep file. */
  List<Trial> trials(String text) {
    return SweepFile.read(
            FILE, Map.of(), location -> Optional.ofNullable(location.equals(FILE) ? text : null))
        .expand(library::modelHash, library::taskHash);
  }

  /** As many at once as there are processors; each has a base of its own to hold. */
  Run alone(List<Trial> trials) throws Exception {
    ConcurrentLinkedQueue<Trial> waiting = new ConcurrentLinkedQueue<>(trials);
    ConcurrentLinkedQueue<Long> bytes = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<Double> losses = new ConcurrentLinkedQueue<>();
    long start = System.nanoTime();
    all(
        IntStream.range(0, processors)
            .<Callable<Void>>mapToObj(
                i ->
                    () -> {
                      for (Trial trial = waiting.poll(); trial != null; trial = waiting.poll()) {
                        try (Backend backend = Backends.open("cpu", 1)) {
                          Outcome outcome =
                              new TrialRun(library, backend)
                                  .run(trial, RunLimits.FREE, Progress.SILENT);
                          losses.add(outcome.finalLoss());
                          bytes.add(backend.allocations().peakBytes() + baseBytes(trial));
                        }
                      }
                      return null;
                    })
            .toList());
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Run(seconds, sum(bytes), losses.stream().mapToDouble(l -> l).sum());
  }

  Run packed(List<Trial> trials, int packs) throws Exception {
    int lanes = trials.size() / packs;
    int threads = Math.max(1, processors / packs);
    ConcurrentLinkedQueue<Long> bytes = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<Double> losses = new ConcurrentLinkedQueue<>();
    bytes.add(baseBytes(trials.get(0)));
    long start = System.nanoTime();
    List<Callable<Void>> runs = new ArrayList<>();
    for (int i = 0; i < packs; i++) {
      int first = i;
      List<Trial> own =
          IntStream.range(0, lanes).mapToObj(lane -> trials.get(first + lane * packs)).toList();
      runs.add(
          () -> {
            try (Backend passes = Backends.open("cpu", threads);
                PackRun pack = new PackRun("bench", lanes, library, passes)) {
              List<Callable<Void>> each = new ArrayList<>();
              for (int lane = 0; lane < lanes; lane++) {
                int place = lane;
                each.add(
                    () -> {
                      try (Backend backend = Backends.open("cpu", 1)) {
                        Outcome outcome =
                            pack.run(
                                place, own.get(place), backend, RunLimits.FREE, Progress.SILENT);
                        losses.add(outcome.finalLoss());
                        bytes.add(backend.allocations().peakBytes());
                      }
                      return null;
                    });
              }
              all(each);
              bytes.add(passes.allocations().peakBytes());
            }
            return null;
          });
    }
    all(runs);
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Run(seconds, sum(bytes), losses.stream().mapToDouble(l -> l).sum());
  }

  private static void all(List<Callable<Void>> runs)
      throws InterruptedException, ExecutionException {
    ExecutorService pool = Executors.newFixedThreadPool(runs.size());
    try {
      for (Future<Void> run : pool.invokeAll(runs)) {
        run.get();
      }
    } finally {
      pool.shutdown();
    }
  }

  private static long sum(Iterable<Long> bytes) {
    long sum = 0;
    for (long each : bytes) {
      sum += each;
    }
    return sum;
  }

  private long baseBytes(Trial trial) {
    try (Model outline = Models.outline(library.config(trial.model().location()), 2)) {
      return outline.parameters().stream().mapToLong(p -> Float.BYTES * p.size()).sum();
    }
  }
}
