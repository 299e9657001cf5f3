package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.Scores.Score;
import org.peftsweep.train.Outcome.Status;

class LiveFolderTest {
  private static final Instant NOW = Instant.parse("2026-05-04T03:02:01.5Z");

  @TempDir java.nio.file.Path output;
  private ResultFolder folder;
  private LiveFolder live;

  @BeforeEach
  void makeFolder() {
    folder = new ResultFolder(new Path(output.toString(), "s"), new Configuration());
    live = new LiveFolder(folder, new Configuration());
  }

  @Test
  void tellsWhatWasToldLast() throws Exception {
    assertThat(live.trials()).isEmpty();
    assertThat(live.sweep()).isEmpty();
    RunningSweep sweep = new RunningSweep(4, 1, 2, 2, NOW, 1.5, 2.5, NOW);
    RunningTrial trial = new RunningTrial("a1", "«a»", 7, 9, 0.25, null, NOW);
    live.write(sweep);
    live.write(new RunningTrial("a1", "«a»", 1, 9, 0.5, null, NOW));
    live.write(trial);
    assertThat(live.trials()).containsExactly(trial);
    assertThat(live.sweep()).contains(sweep);
    live.delete("a1");
    live.delete();
    assertThat(live.trials()).isEmpty();
    assertThat(live.sweep()).isEmpty();
  }

  @Test
  void passesOverWhatIsHalfWritten() throws Exception {
    live.write(new RunningTrial("a1", "a", 7, 9, 0.25, 0.5, NOW));
    Files.writeString(output.resolve("s/running/b2.json"), "{\"id\":\"b2\",\"ti");
    assertThat(live.trials()).extracting(RunningTrial::id).containsExactly("a1");
  }

  @Test
  void scoresAreThoseOfTheRowsThatCount() {
    Scores scores = new Scores(folder, new Configuration());
    assertThat(scores.look()).isEmpty();
    TrialRow first = Samples.row("s", Samples.trial("rte", 0), 1, Samples.finished(0.5, 2));
    folder.publish(first);
    folder.publish(
        Samples.row("s", Samples.trial("rte", 0), 2, Samples.failed(Status.OOM, "no memory")));
    folder.publish(Samples.row("s", Samples.trial("rte", 1), 1, Samples.finished(0.75, 2)));
    folder.publish(
        Samples.row("s", Samples.trial("sst2", 1), 1, Samples.failed(Status.DIVERGED, "inf")));
    Map<String, String> byId =
        scores.look().stream()
            .collect(
                Collectors.toMap(Score::id, s -> s.task() + " " + s.status() + " " + s.score()));
    assertThat(byId)
        .hasSize(3)
        .containsEntry(first.id(), "rte finished 0.5")
        .containsValue("sst2 diverged null");
    assertThat(new TreeMap<>(Scores.best(scores.look())))
        .hasSize(1)
        .hasEntrySatisfying("rte", best -> assertThat(best.score()).isEqualTo(0.75));
  }
}
