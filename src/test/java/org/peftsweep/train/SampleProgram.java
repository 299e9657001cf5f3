package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * A program of {@code src/samples/dl4j} in a JVM of its own.
 *
 * @param folder for what is compiled and said
 * @param libraries what is on its class path, by parts of paths
 * @param ours classes of this project besides, as paths below a folder of classes
 */
record SampleProgram(Path folder, List<String> libraries, List<String> ours) {
  /** What ND4J's own modules and what they ask for are called in a class path. */
  static final List<String> ND4J =
      List.of(
          "/org/nd4j/",
          "/org/bytedeco/javacpp/",
          "/org/bytedeco/openblas/",
          "/flatbuffers-java/",
          "/slf4j-api/",
          "/org/apache/commons/",
          "/commons-io/");

  /** Compiles and runs the program; returns its output. */
  List<String> run(String name, String... arguments) throws IOException, InterruptedException {
    String jars =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(path -> path.endsWith(".jar") && libraries.stream().anyMatch(path::contains))
            .collect(Collectors.joining(File.pathSeparator));
    Path classes = Files.createDirectory(folder.resolve("classes"));
    for (String each : ours) {
      copy(Path.of("target/classes"), each, classes);
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    List<String> compile = new ArrayList<>(List.of("-cp", jars, "-d", classes.toString()));
    for (String source : List.of(name, "BytePairs")) {
      compile.add(Path.of("src/samples/dl4j", source + ".java").toString());
    }
    assertThat(compiler.run(null, null, null, compile.toArray(String[]::new))).isZero();
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classes + File.pathSeparator + jars,
                name));
    command.addAll(List.of(arguments));
    Path out = folder.resolve("out.txt");
    Path err = folder.resolve("err.txt");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    assertThat(process.waitFor()).as(() -> text(err)).isZero();
    return Files.readAllLines(out);
  }

  private static void copy(Path from, String pattern, Path to) throws IOException {
    try (var files = Files.walk(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path name = from.relativize(file);
        if (name.toString().startsWith(pattern)) {
          Files.createDirectories(to.resolve(name).getParent());
          Files.copy(file, to.resolve(name));
        }
      }
    }
  }

  /** Returns the number after the words that a line begins with. */
  static double number(List<String> said, String start) {
    String line = said.stream().filter(each -> each.startsWith(start)).findFirst().orElseThrow();
    return Double.parseDouble(line.substring(start.length()));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file).toLowerCase(Locale.ROOT);
    } catch (IOException e) {
      return e.getMessage();
    }
  }
}
