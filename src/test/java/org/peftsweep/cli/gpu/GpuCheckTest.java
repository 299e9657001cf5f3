package org.peftsweep.cli.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.compute.cuda.DeviceProvider;

/** The check of a GPU on a device that is emulated, whose speed says nothing. */
class GpuCheckTest {
  /** Stands in for Python with PEFT: a step takes as many milliseconds as the way has letters. */
  private static final String PEER =
      """
      echo '{"torch": "9.1", "peft": "8.2"}'
      while read -r way; do
        if [[ $way == compiled-graph ]]; then
          echo '{"mode": "compiled-graph", "lack": "PyTorch reports RuntimeError"}'
        else
          echo "{\\"mode\\": \\"$way\\", \\"ms\\": ${#way}, \\"megabytes\\": 1e9}"
        fi
      done
      """;

  @TempDir private Path home;

  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  @BeforeEach
  void copy() throws IOException {
    Files.createDirectories(home.resolve("src/bench/python"));
    Files.createDirectory(home.resolve("conf"));
    Files.copy(Path.of("conf/quickstart.yaml"), home.resolve("conf/quickstart.yaml"));
    Files.writeString(home.resolve("src/bench/python/gpu_peers.py"), PEER);
  }

  /** Runs it as on a machine that has the bundle alone, apart from a device that is emulated. */
  private JsonNode checkFromBundle() throws Exception {
    List<Path> classPath =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(Path::of)
            .toList();
    Path bundle = home.resolve("bundle.jar");
    new NeededClasses(classPath, GpuCheck.class.getName()).write(bundle);
    for (String resources : List.of("src/main", "src/test")) {
      Files.createSymbolicLink(home.resolve(resources), Path.of(resources).toAbsolutePath());
    }
    Path figures = home.resolve("figures.json");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--limit-modules=" + modules(),
            "--add-modules=jdk.incubator.vector",
            "-Dorg.bytedeco.javacpp.maxBytes=0",
            "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
            "-Dorg.bytedeco.javacpp.cachedir=" + home.resolve("cache"),
            "-Dslf4j.internal.verbosity=ERROR",
            "-Dgolden.dir=" + Path.of("src/test/resources/golden").toAbsolutePath(),
            "-cp",
            emulator() + File.pathSeparator + bundle,
            GpuCheck.class.getName(),
            "16",
            figures.toString(),
            home.toString(),
            "bash",
            "least");
    builder.environment().put("OMP_NUM_THREADS", "1");
    Process process = builder.directory(home.toFile()).redirectErrorStream(true).start();
    said.writeBytes(process.getInputStream().readAllBytes());
    Files.delete(home.resolve("src/main"));
    Files.delete(home.resolve("src/test"));
    assertThat(process.waitFor()).as(text()).isZero();
    return new ObjectMapper().readTree(figures.toFile());
  }

  /** Returns the modules of the runtime that the bundle has. */
  private static String modules() throws IOException {
    return Pattern.compile("modules\\+?=,?(\\S+)")
        .matcher(Files.readString(Path.of("jobs/gpu-bundle.sh")))
        .results()
        .map(line -> line.group(1))
        .collect(Collectors.joining(","));
  }

  /** Returns a folder with the classes of the device, which the bundle must not have. */
  private Path emulator() throws Exception {
    Path tests =
        Path.of(GpuCheckTest.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path folder = home.resolve("emulator");
    Path cuda = Path.of("org/peftsweep/compute/cuda");
    Path service = Path.of("META-INF/services", DeviceProvider.class.getName());
    Files.createDirectories(folder.resolve(service).getParent());
    Files.createDirectories(folder.resolve(cuda));
    Files.copy(tests.resolve(service), folder.resolve(service));
    try (Stream<Path> classes = Files.list(tests.resolve(cuda))) {
      for (Path each : classes.filter(file -> file.toString().endsWith(".class")).toList()) {
        Files.copy(each, folder.resolve(cuda).resolve(each.getFileName()));
      }
    }
    return folder;
  }

  private String text() {
    return said.toString(StandardCharsets.UTF_8);
  }

  private static List<String> texts(JsonNode list, String member) {
    return StreamSupport.stream(list.spliterator(), false)
        .map(each -> each.path(member).asText())
        .distinct()
        .toList();
  }

  @Test
  void runsEveryPartFromTheBundleAndComparesWithEveryGoal() throws Exception {
    JsonNode figures = checkFromBundle();
    assertThat(texts(figures.path("found"), "part"))
        .containsExactlyInAnyOrder(
            "kernel", "product", "golden", "training", "trial", "step", "memory", "PEFT", "sweep");
    assertThat(figures.path("torch").asText()).isEqualTo("9.1");
    assertThat(texts(figures.path("goals"), "state"))
        .as(text())
        .doesNotContain("not measured")
        .contains("reached", "MISSED");
    assertThat(figures.path("left-out"))
        .allMatch(left -> left.asText().endsWith("compiled-graph (PyTorch reports RuntimeError)"));
    assertThat(figures.path("device").asText()).isEqualTo("emulated GPU, GPU 0");
    assertThat(text()).contains("ok   kernel     fill").contains("Goals of an H100 or H200:");
  }

  @Test
  void namesWhatThereIsNoTimeFor() throws IOException {
    PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
    Path file = home.resolve("figures.json");
    assertThat(GpuCheck.run(new Findings(out, 0), Extent.LEAST, file, home, "no-such-python"))
        .as(text())
        .isTrue();
    JsonNode figures = new ObjectMapper().readTree(file.toFile());
    assertThat(texts(figures.path("goals"), "state")).containsExactly("not measured");
    assertThat(text())
        .contains("PEFT: Python lacks torch, transformers or peft")
        .contains(Goals.BASE_PACK)
        .contains("sweep of the quickstart")
        .doesNotContain("OFF");
  }
}
