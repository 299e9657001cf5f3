package org.peftsweep.results;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Which machine and which software ran a trial. Null is "not known".
 *
 * @param executor Spark's id of the executor, {@code driver} in local mode
 * @param gpuAddress as Spark handed it to the task, null on a processor
 * @param threads that kernels of one trial may use
 * @param revision git commit that the program was built from, {@code -dirty} where files differed
 */
public record Provenance(
    String host,
    String executor,
    String gpuAddress,
    Integer threads,
    String processor,
    String revision,
    String javaVersion,
    String sparkVersion,
    String nd4jVersion) {

  /** Describes this machine and this program for a task of the given executor. */
  public static Provenance here(
      String executor, String gpuAddress, Integer threads, String sparkVersion) {
    return new Provenance(
        hostName(),
        executor,
        gpuAddress,
        threads,
        processorName(),
        property("git.properties", "git.commit.id.describe"),
        System.getProperty("java.version"),
        sparkVersion,
        property("META-INF/maven/org.nd4j/nd4j-native/pom.properties", "version"));
  }

  static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return null;
    }
  }

  private static String processorName() {
    Path file = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(file)) {
      return System.getProperty("os.arch");
    }
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .filter(Predicate.not(String::isEmpty))
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException | UncheckedIOException e) {
      return null;
    }
  }

  private static String property(String resource, String key) {
    try (InputStream in = Provenance.class.getClassLoader().getResourceAsStream(resource)) {
      if (in == null) {
        return null;
      }
      Properties properties = new Properties();
      properties.load(in);
      return properties.getProperty(key);
    } catch (IOException e) {
      return null;
    }
  }
}
