package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the default backend does on a JVM of another make, in a process of its own. */
class FallbackTest {
  /** Opens the default backend twice and computes on it. */
  static final class Program {
    public static void main(String[] args) {
      for (int i = 0; i < 2; i++) {
        try (Backend backend = Backends.open(Backends.DEFAULT, 1)) {
          Memory memory = backend.allocate(4);
          Tensor x = new Tensor(memory, 0, 2, 2);
          backend.fill(x, 3);
          System.out.println(
              "on " + backend.name() + " " + Math.round(HostKernels.sumOfSquares(backend, x)));
        }
      }
    }
  }

  @Test
  void withoutTheVectorModuleItGivesWayWithOneWarning() throws Exception {
    String text = run("--limit-modules=java.se,jdk.unsupported,jdk.management");
    assertThat(text.lines().filter(line -> line.startsWith("on ")))
        .hasSize(2)
        .allMatch(line -> line.equals("on nd4j 36"));
    assertThat(text.lines().filter(line -> line.contains("jdk.incubator.vector"))).hasSize(1);
  }

  @Test
  void withTheVectorModuleItIsTheFastOne() throws Exception {
    String text = run("--add-modules=jdk.incubator.vector");
    assertThat(text.lines().filter(line -> line.equals("on cpu 36"))).hasSize(2);
  }

  private static String run(String modules) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                modules,
                "-Dlog4j2.configurationFile=conf/log4j2.properties",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    return text;
  }
}
