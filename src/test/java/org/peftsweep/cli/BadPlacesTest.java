package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.sweep.TrainerEngine;

/** Every command, given every kind of place that cannot be used. */
class BadPlacesTest {
  /** What only a programmer of a library would say. */
  private static final List<String> INNER =
      List.of(
          "Exception",
          "\tat ",
          "at org.",
          "java.",
          "com.fasterxml",
          "StreamReadFeature",
          "JsonReadFeature",
          "REDACTED",
          "[Source",
          "Unrecognized",
          "between tokens",
          "only regular white space",
          "end-of-input",
          "hadoop.fs",
          "FileSystem for scheme",
          "Wrong FS",
          "RECEIVED",
          "PAR1");

  private static final Duration LONGEST = Duration.ofSeconds(45);

  private static final List<String> REMOTE =
      List.of(
          "http://127.0.0.1:9/x",
          "https://nosuch.invalid/x",
          "HTTP://nosuch.invalid",
          "ftp://nosuch.invalid/x",
          "s3://bucket/x",
          "gs://bucket/x",
          "abfs://box@nosuch.invalid/x",
          "wasb://box@nosuch.invalid/x",
          "dbfs:/x",
          "jar:file:/x.jar!/y",
          "data:,abc",
          "nosuch://x/y",
          "har:///x",
          "viewfs://x/y",
          "hdfs://nosuch.invalid:9000/x",
          "hdfs://127.0.0.1:9/x",
          "hdfs:///x",
          "hdfs://",
          "hdfs:",
          "webhdfs://nosuch.invalid/x",
          "swebhdfs://127.0.0.1:9/x",
          "file://host/x",
          "file:x",
          "file:",
          "file:///nosuch/x",
          "s3a://",
          "s3a:///x",
          "::",
          ":x",
          "a:b:c",
          "mailto:me@nosuch.invalid");

  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir Path folder;

  @BeforeAll
  static void startSpark() {
    LocalSpark.session();
  }

  @Test
  void placesOnThisMachine() throws IOException {
    for (String place : local()) {
      for (Map.Entry<String, String[]> command : commands(place).entrySet()) {
        assertRefused(command.getKey() + " with " + place, command.getValue());
      }
    }
  }

  @Test
  void placesElsewhere() throws IOException {
    for (String place : REMOTE) {
      for (String one : List.of("model", "output of report", "export to", "file of sweep")) {
        assertRefused(one + " with " + place, commands(place).get(one));
      }
    }
  }

  @Test
  void bucketsWithoutCredentials() throws IOException {
    assertRefused("model", commands("s3a://nosuch-bucket/x").get("model"));
  }

  @Test
  void anOutputThatCannotBeMade() throws IOException {
    assertRefused("no folder", "sweep", sweep("builtin:mini", null, "none"), "--output", "/proc/x");
    assertRefused("no files", "sweep", sweep("builtin:mini", null, "none"), "--output", "/proc");
    Path output = Files.createDirectories(folder.resolve("out"));
    Files.writeString(output.resolve("x"), "the sweep's name");
    String file = sweep("builtin:mini", null, "none");
    assertRefused("a file", "sweep", file, "--output", "" + output);
    assertRefused("a file", "sweep", file, "--dry-run", "--output", "" + output);
  }

  /** Names of all kinds of characters, none of which is there. */
  @Test
  void randomNames() throws IOException {
    Random random = new Random(11);
    String letters = "ab/~${}[]*?%#@!'\"\\:.- é\u202e\u0007\n\t\u0000😀=&|;";
    int[] points = letters.codePoints().toArray();
    for (int i = 0; i < 60; i++) {
      StringBuilder name = new StringBuilder("nosuch");
      random
          .ints(random.nextInt(300), 0, points.length)
          .forEach(p -> name.appendCodePoint(points[p]));
      for (String one : List.of("data", "file of sweep", "file of pretrain", "output of query")) {
        assertRefused(one + " with " + name, commands(name.toString()).get(one));
      }
    }
  }

  @Test
  void passwordsAreNeverRepeated() throws IOException {
    Random random = new Random(5);
    for (int i = 0; i < 20; i++) {
      String password =
          "pw"
              + random
                  .ints(12, 0, 70)
                  .mapToObj(
                      c ->
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=.-_~!"
                              .substring(c, c + 1))
                  .reduce("", String::concat);
      for (String place :
          List.of(
              "s3a://key:" + password + "@bucket/x",
              "hdfs://user:" + password + "@nosuch.invalid:9000/x",
              "http://user:" + password + "@nosuch.invalid",
              "abfs://box@nosuch.invalid/x?sig=" + password.replaceAll("[&=;?]", ""))) {
        for (Map.Entry<String, String[]> command : commands(place).entrySet()) {
          assertRefused(command.getKey() + " with " + place, command.getValue());
          assertThat(said()).doesNotContain(password.substring(0, 6));
        }
      }
      run("sweep", sweep("builtin:mini", null, "none"), "--nosuch=http://u:" + password + "@h");
      assertThat(said()).doesNotContain(password.substring(0, 6));
    }
  }

  /** Files of a model that are something else. */
  @Test
  void promptsThatAreNoText() throws IOException {
    Path latin = folder.resolve("latin.txt");
    Files.write(latin, "one\nschön\n".getBytes(StandardCharsets.ISO_8859_1));
    Path wide = folder.resolve("wide.txt");
    Files.write(wide, "one\n".getBytes(StandardCharsets.UTF_16));
    for (String file : List.of("" + latin, "" + wide, "" + folder, folder + "/none", "")) {
      assertRefused("prompts", "generate", "0123", "--file", file, "--output", "" + folder);
    }
  }

  @Test
  void brokenModels() throws IOException {
    Random random = new Random(7);
    byte[] junk = new byte[5000];
    random.nextBytes(junk);
    byte[] config = mini("config.json");
    Map<String, byte[]> contents = new LinkedHashMap<>();
    contents.put("empty", new byte[0]);
    contents.put("junk", junk);
    contents.put("gzip", gzip(config));
    contents.put("cut", java.util.Arrays.copyOf(config, config.length / 2));
    contents.put("list", "[1, 2]".getBytes(StandardCharsets.UTF_8));
    contents.put("nan", "{\"model_type\": NaN}".getBytes(StandardCharsets.UTF_8));
    contents.put("deep", "[".repeat(100_000).getBytes(StandardCharsets.UTF_8));
    for (Map.Entry<String, byte[]> content : contents.entrySet()) {
      Path model = mini(folder.resolve("model-" + content.getKey()));
      Files.write(model.resolve("config.json"), content.getValue());
      assertRefused(content.getKey(), commands(model.toString()).get("model"));
    }
    Path model = mini(folder.resolve("model-folder"));
    Files.delete(model.resolve("config.json"));
    Files.createDirectory(model.resolve("config.json"));
    assertRefused("folder", commands(model.toString()).get("model"));
    Files.delete(model.resolve("config.json"));
    assertRefused("missing", commands(model.toString()).get("model"));
    Files.createSymbolicLink(model.resolve("config.json"), Path.of("nosuch"));
    assertRefused("dangling", commands(model.toString()).get("model"));
  }

  private List<String> local() throws IOException {
    List<String> places =
        new ArrayList<>(List.of("", " ", "\t", "~nosuch/x", "${NOSUCH}/x", "${", "${}/x"));
    Path file = Files.writeString(folder.resolve("a-file"), "text: \u0000\n");
    places.add(file + "/x");
    places.add(file + "/x/y");
    Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), Path.of("nosuch"));
    places.add(dangling.toString());
    places.add(dangling + "/x");
    Files.createSymbolicLink(folder.resolve("ring"), Path.of("gnir"));
    Path loop = Files.createSymbolicLink(folder.resolve("gnir"), Path.of("ring"));
    places.add(loop.toString());
    places.add(loop + "/x");
    places.add("x\u0000y");
    return places;
  }

  /** Every way to name a place, by what it is. */
  private Map<String, String[]> commands(String place) throws IOException {
    Map<String, String[]> commands = new LinkedHashMap<>();
    String good = sweep("builtin:mini", null, "none");
    String there = Files.createDirectories(folder.resolve("there")).toString();
    commands.put("file of sweep", new String[] {"sweep", place, "--dry-run"});
    commands.put("model", dry(sweep(place, null, "none")));
    commands.put("data", dry(sweep("builtin:mini", place, "none")));
    commands.put("adapter", dry(sweep("builtin:mini", null, place)));
    commands.put(
        "set model", new String[] {"sweep", good, "--dry-run", "--set", "model=" + quoted(place)});
    commands.put("output of dry run", new String[] {"sweep", good, "--dry-run", "--output", place});
    commands.put("output of sweep", new String[] {"sweep", good, "--output", place});
    commands.put("report", new String[] {"report", place + "/x", "--output", there});
    commands.put("output of report", new String[] {"report", "x", "--output", place});
    commands.put("output of query", new String[] {"query", "SELECT 1", "--output", place});
    commands.put("output of watch", new String[] {"watch", "x", "--once", "--output", place});
    commands.put("output of replay", new String[] {"replay", "0123", "--output", place});
    commands.put("output of export", new String[] {"export", "0123", there, "--output", place});
    commands.put("export to", new String[] {"export", "0123", place, "--output", there});
    commands.put("file of pretrain", new String[] {"pretrain", place});
    commands.put("text of pretrain", new String[] {"pretrain", pretraining(place)});
    commands.put(
        "output of pretrain",
        new String[] {"pretrain", "conf/pretrain-mini.yaml", "--output", place});
    return commands;
  }

  private static String[] dry(String file) {
    return new String[] {"sweep", file, "--dry-run"};
  }

  private String sweep(String model, String data, String adapter) throws IOException {
    Path file = Files.createTempFile(folder, "sweep", ".yaml");
    return Files.writeString(
            file,
            "name: x\nmodel: "
                + quoted(model)
                + "\ntasks: ["
                + (data == null ? "mini-rte" : "rte")
                + "]\n"
                + (data == null ? "" : "data: " + quoted(data) + "\n")
                + "adapter: "
                + quoted(adapter)
                + "\ngrid: [{method: lora}]\ntraining: {max-steps: 1, max-tokens: 16}\n")
        .toString();
  }

  private String pretraining(String text) throws IOException {
    String file = Files.readString(Path.of("conf/pretrain-mini.yaml"));
    return Files.writeString(
            Files.createTempFile(folder, "pretrain", ".yaml"),
            file.replaceAll(
                "(?m)^text: .*$",
                java.util.regex.Matcher.quoteReplacement("text: [" + quoted(text) + "]")))
        .toString();
  }

  /** As a YAML string in double quotes. */
  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    text.chars()
        .forEach(
            c -> {
              if (c < 0x20 || c == '"' || c == '\\' || c > 0x7e) {
                quoted.append(String.format("\\u%04x", c));
              } else {
                quoted.append((char) c);
              }
            });
    return quoted.append('"').toString();
  }

  private void assertRefused(String what, String... command) {
    Instant begin = Instant.now();
    int code = run(command);
    assertThat(code).as(what + "\n" + said()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(said().strip().lines()).as(what).hasSize(1);
    assertThat(said()).as(what).startsWith("Cannot ").contains(": ");
    assertThat(said().strip()).as(what).doesNotContainPattern("[\\p{Cntrl}\\p{Cf}]");
    assertThat(said().length()).as(what + said()).isLessThan(900);
    assertThat(INNER).as(said()).noneMatch(said()::contains);
    assertThat(Duration.between(begin, Instant.now())).as(what).isLessThan(LONGEST);
  }

  private int run(String... command) {
    err.reset();
    PrintStream to = new PrintStream(err, true, StandardCharsets.UTF_8);
    return Main.run(new TrainerEngine(), to, to, command);
  }

  private String said() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private static Path mini(Path to) throws IOException {
    Files.createDirectories(to);
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      Files.write(to.resolve(file), mini(file));
    }
    return to;
  }

  private static byte[] mini(String file) throws IOException {
    try (var in = BadPlacesTest.class.getResourceAsStream("/models/mini/" + file)) {
      return in.readAllBytes();
    }
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    }
    return packed.toByteArray();
  }
}
