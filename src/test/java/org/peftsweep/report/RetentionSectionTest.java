package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;

/** Scores beside what was forgotten. */
class RetentionSectionTest {
  private static final Set<Role> QV = EnumSet.of(Role.QUERY, Role.VALUE);

  @TempDir Path output;

  @BeforeAll
  static void startSpark() {
    LocalSpark.session();
  }

  private static Section section(Report report, String id) {
    return report.sections().stream()
        .filter(section -> section.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  /** LoRA scores higher and forgets more; the third recipe is worse than LoRA in both. */
  @Test
  void standsWithIntervalsInATableAmongTheCostsAndOnThePage() {
    SampleSweep sweep = new SampleSweep(output, "kept");
    ResultFolder folder = sweep.folder();
    for (int seed = 0; seed < 3; seed++) {
      double noise = (seed - 1) * 0.1;
      publish(folder, new LoRA(8, 8, 0), seed, 0.8 + noise / 10, 0.5 + noise);
      publish(folder, new DoRA(8, 8, 0), seed, 0.6, 0.1);
      publish(folder, new LoRA(16, 8, 0), seed, 0.7, 0.9);
    }
    Report report = sweep.report();
    String text = section(report, "retention").table().text();
    // 0.1 times Student's 4.303 over the root of three.
    assertThat(text)
        .containsPattern("LoRA QV r=8 λ=1 +80.00 ± \\S+ +2.000 +2.500 +\\+0.500 ± 0.248 +3 +yes")
        .containsPattern("DoRA QV r=8 λ=1 +60.00.* 2.100 +\\+0.100.* +3 +yes")
        .containsPattern("LoRA QV r=16 λ=1 +70.00.* \\+0.900 ± \\S+ +3 *\\n");
    String costs = section(report, "costs").table().text();
    assertThat(costs).contains("loss rise").containsPattern("DoRA.*\\+0.100 .*retention");
    assertThat(costs.lines().filter(line -> line.contains("r=16")))
        .allMatch(line -> !line.contains("retention"));
    assertThat(HtmlReport.of(report))
        .contains("\"retention\":0.1")
        .contains("Scores beside retention");
  }

  @Test
  void isNotThereWhereNoneWasAskedFor() {
    Report report = new SampleSweep(output, "plain").benchmark().report();
    assertThat(report.sections()).noneMatch(section -> section.id().equals("retention"));
    assertThat(section(report, "costs").table().text()).doesNotContain("loss rise");
  }

  private static void publish(
      ResultFolder folder, Method method, int seed, double score, double rise) {
    Trial trial = Samples.trial("rte", method, QV, 1, seed).withRetention(Samples.text());
    folder.publish(Samples.row(folder.sweep(), trial, 1, Samples.retained(score, 2, 2 + rise)));
  }
}
