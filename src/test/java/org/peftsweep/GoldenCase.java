package org.peftsweep;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.SafeTensors;

/**
 * One folder of reference tensors: {@code manifest.json}, which holds settings, shapes and
 * tolerances, and {@code tensors.safetensors}.
 */
public final class GoldenCase implements AutoCloseable {
  private final Path folder;
  private final JsonNode manifest;
  private final SafeTensors tensors;

  private GoldenCase(Path folder) {
    this.folder = folder;
    this.manifest = json(folder.resolve("manifest.json"));
    this.tensors = SafeTensors.open(folder.resolve("tensors.safetensors"));
  }

  /**
   * Returns the case folders of a family ({@code models}, {@code peft} …), in order of their names.
   */
  public static List<Path> folders(String family) {
    try (Stream<Path> folders = Files.list(TestFolders.golden().resolve(family))) {
      return folders
          .filter(folder -> Files.exists(folder.resolve("manifest.json")))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static GoldenCase open(Path folder) {
    return new GoldenCase(folder);
  }

  public static JsonNode json(Path file) {
    try {
      return new ObjectMapper().readTree(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Path folder() {
    return folder;
  }

  public JsonNode manifest() {
    return manifest;
  }

  public Set<String> names() {
    return tensors.tensors().keySet();
  }

  public boolean has(String name) {
    return tensors.tensors().containsKey(name);
  }

  public int[] shape(String name) {
    return tensors.info(name).shape().stream().mapToInt(Long::intValue).toArray();
  }

  public float[] floats(String name) {
    return tensors.floats(name);
  }

  public int[] ints(String name) {
    return ints(tensors, name);
  }

  public static int[] ints(SafeTensors file, String name) {
    long[] values = file.longs(name);
    int[] ints = new int[values.length];
    for (int i = 0; i < ints.length; i++) {
      ints[i] = Math.toIntExact(values[i]);
    }
    return ints;
  }

  /**
   * Holds values to the stored ones, element by element, within the tolerance that the manifest
   * gives.
   */
  public void check(String name, float[] actual) {
    check(name, actual, null);
  }

  /**
   * The same where {@code only[i]} is not 0; {@code only} has one entry a row of values, null for
   * all.
   */
  public void check(String name, float[] actual, int[] only) {
    JsonNode entry = manifest.path("tensors").path(name);
    if (entry.path("ill_conditioned").asBoolean()) {
      return;
    }
    float[] wanted = tensors.floats(name);
    assertThat(actual).as(folder + " " + name).hasSameSizeAs(wanted);
    double relative = entry.path("rtol").asDouble(1e-4);
    double absolute = entry.path("atol").asDouble(1e-5);
    int width = only == null ? 1 : wanted.length / only.length;
    int worst = -1;
    double excess = 0;
    for (int i = 0; i < wanted.length; i++) {
      if (only != null && only[i / width] == 0) {
        continue;
      }
      double over = Math.abs(actual[i] - wanted[i]) - absolute - relative * Math.abs(wanted[i]);
      if (!(over <= excess)) {
        worst = i;
        excess = over;
      }
    }
    if (worst >= 0) {
      throw new AssertionError(
          "%s %s: worst of %d elements is [%d] = %s, wanted %s within %s + %s·|wanted|"
              .formatted(
                  folder,
                  name,
                  wanted.length,
                  worst,
                  actual[worst],
                  wanted[worst],
                  absolute,
                  relative));
    }
  }

  @Override
  public void close() {
    tensors.close();
  }

  @Override
  public String toString() {
    return folder.getFileName().toString();
  }
}
