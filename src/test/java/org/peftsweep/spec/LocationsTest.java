package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;

class LocationsTest {
  @TempDir Path folder;
  private Path here;
  private Path installation;
  private Configuration conf = new Configuration();

  @BeforeEach
  void makeFolders() throws IOException {
    here = Files.createDirectories(folder.resolve("he re"));
    installation = Files.createDirectories(folder.resolve("installation"));
  }

  @Test
  void relativePlacesOfFilesAreTakenFromTheFolderOfTheCall() throws IOException {
    Path mine = Files.createDirectories(here.resolve("m"));
    assertThat(find("m")).isEqualTo("file:" + mine);
    assertThat(find("./m/../m")).isEqualTo("file:" + mine);
  }

  @Test
  void orFromTheInstallation() throws IOException {
    Path theirs = Files.createDirectories(installation.resolve("output/models/x"));
    assertThat(find("output/models/x")).isEqualTo("file:" + theirs);
    assertThat(locations(Map.of()).folder("--output", "output/models/x"))
        .hasToString("file:" + here.resolve("output/models/x"));
  }

  @Test
  void butNeverSilentlyFromOneOfTwo() throws IOException {
    Path mine = Files.createDirectories(here.resolve("m"));
    Path theirs = Files.createDirectories(installation.resolve("m"));
    assertThatThrownBy(() -> find("m"))
        .hasMessage(
            "Cannot use model = m in x.yaml:2: there are "
                + mine
                + " and "
                + theirs
                + ", give the whole path of the one");
    Files.delete(mine);
    Files.createSymbolicLink(mine, theirs);
    assertThat(find("m")).isEqualTo("file:" + mine);
  }

  @Test
  void homeAndVariablesAreFilledIn() throws IOException {
    Path mine = Files.createDirectories(here.resolve("m"));
    Map<String, String> variables = Map.of("HOME", here.toString(), "A_1", "m", "LINK", "${A_1}");
    for (String text : List.of("~/m", "${HOME}/m", "${HOME}/${A_1}", "${A_1}")) {
      assertThat(locations(variables).folder("model", text, "x.yaml:2", "give one"))
          .isEqualTo("file:" + mine);
    }
    assertThat(locations(variables).folder("--output", "~")).hasToString("file:" + here);
    // Once only, and without braces nothing.
    for (String text : List.of("${LINK}", "$A_1", "\\${A_1}")) {
      assertThatThrownBy(() -> locations(variables).folder("model", text, "x.yaml:2", "give one"))
          .hasMessageContaining("is not there, give one");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"${NOSUCH}/x", "a${NOSUCH}", "${A}${NOSUCH}", "~/x"})
  void aVariableThatIsNotSetIsNamed(String text) {
    String name = text.startsWith("~") ? "HOME" : "NOSUCH";
    assertThatThrownBy(
            () -> locations(Map.of("A", "a")).folder("data", text, "x.yaml:3", "give one"))
        .isInstanceOf(SpecException.class)
        .hasMessage(
            "Cannot use data = "
                + text
                + " in x.yaml:3: the environment variable "
                + name
                + " is not set, set it");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"a b", "a[1]", "{a,b}", "a:b", "a#b", "a%20b", "a'b\"c", "$a", "ä", "~a", "a\\b"})
  void namesOfAllKindsAreFound(String name) throws IOException {
    Path mine = Files.createDirectories(here.resolve(name));
    assertThat(find(name)).isEqualTo("file:" + mine);
    assertThat(find(mine.toString())).isEqualTo("file:" + mine);
    assertThat(locations(Map.of()).localFolder("--output", name)).isEqualTo(mine);
  }

  @Test
  void everyFolderOfASweepFileIsFound() throws IOException {
    for (String name : List.of("m", "a1", "a2", "a3", "d1/rte", "d2/cola")) {
      Files.createDirectories(here.resolve(name));
    }
    Path file =
        Files.writeString(
            here.resolve("x.yaml"),
            """
            name: x
            model: m
            adapter: a1
            tasks: [rte, cola]
            data: d1
            per-task: {cola: {data: d2}}
            grid:
              - {method: lora, rank: [4, 8], adapter: [a2, a3, none]}
              - {method: full}
            """);
    Sweep sweep = SweepFile.read(file.toString(), Map.of(), locations(Map.of()));
    assertThat(sweep.model()).isEqualTo("file:" + here.resolve("m"));
    assertThat(sweep.recipes())
        .extracting(Recipe::adapter)
        .containsOnly(
            "file:" + here.resolve("a1"),
            "file:" + here.resolve("a2"),
            "file:" + here.resolve("a3"),
            "none");
    assertThat(sweep.tasks())
        .extracting(task -> task.source().location())
        .containsExactly("file:" + here.resolve("d1"), "file:" + here.resolve("d2"));
  }

  @Test
  void everyFolderThatIsNotThereIsToldWithItsLine() throws IOException {
    Path file =
        Files.writeString(
            here.resolve("x.yaml"),
            """
            name: x
            model: nosuch/m
            tasks: [rte]
            data: nosuch/d
            grid:
              - {method: lora, adapter: [nosuch/a, none]}
            """);
    assertThatThrownBy(() -> SweepFile.read(file.toString(), Map.of(), locations(Map.of())))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("Cannot use model = nosuch/m in " + file + ":2: ")
        .hasMessageContaining("Cannot use data = nosuch/d in " + file + ":4: ")
        .hasMessageContaining("Cannot use adapter = nosuch/a in " + file + ":6: ");
  }

  @Test
  void dataThatNoTaskReadsIsNotLookedFor() throws IOException {
    Path file =
        Files.writeString(
            here.resolve("x.yaml"),
            "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\ndata: nosuch\n"
                + "grid: [{method: lora}]\n");
    assertThat(SweepFile.read(file.toString(), Map.of(), locations(Map.of())).tasks()).hasSize(1);
  }

  @Test
  void aFileMayExtendOneElsewhere() throws IOException {
    Path base = Files.createDirectories(folder.resolve("bases")).resolve("base.yaml");
    Files.writeString(base, "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\n");
    for (String name :
        List.of(base.toString(), "~/base.yaml", "${B}/base.yaml", "../bases/base.yaml")) {
      Path file =
          Files.writeString(
              here.resolve("x.yaml"), "extends: " + name + "\ngrid: [{method: lora}]\n");
      Map<String, String> variables =
          Map.of("HOME", base.getParent().toString(), "B", base.getParent().toString());
      assertThat(SweepFile.read(file.toString(), Map.of(), locations(variables)).name())
          .isEqualTo("x");
    }
  }

  /** The cases {@code tilde} and {@code envv}. */
  @Test
  void casesFromTheField() throws IOException {
    Path cases = TestFolders.shared("cases/17-small");
    for (String name : List.of("tilde", "envv")) {
      String text =
          Files.readString(cases.resolve(name + ".yaml")).replace("@DIR@", here.toString());
      Path file = Files.writeString(here.resolve(name + ".yaml"), text);
      Files.createDirectories(here.resolve("d/rows"));
      assertThatThrownBy(() -> SweepFile.read(file.toString(), Map.of(), locations(Map.of())))
          .hasMessageContaining("the environment variable HOME is not set");
      assertThatThrownBy(
              () ->
                  SweepFile.read(
                      file.toString(), Map.of(), locations(Map.of("HOME", here.toString()))))
          .hasMessageContaining(here + "/" + (name.equals("tilde") ? "models/roberta" : "data"))
          .hasMessageContaining("is not there");
      Files.createDirectories(here.resolve("models/roberta"));
      Files.createDirectories(here.resolve("data"));
      Sweep sweep =
          SweepFile.read(file.toString(), Map.of(), locations(Map.of("HOME", here.toString())));
      assertThat(sweep.name()).isEqualTo(name);
      Files.delete(here.resolve("models/roberta"));
      Files.delete(here.resolve("data"));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      textBlock =
          """
          nosuch => Cannot use model = nosuch in x.yaml:2: <here>/nosuch is not there, give builtin:mini or a folder
          "" => Cannot use model = "" in x.yaml:2: give a folder or file
          a-file => Cannot use model = a-file in x.yaml:2: <here>/a-file is a file, give builtin:mini or a folder
          a-file/x => Cannot use model = a-file/x in x.yaml:2: <here>/a-file is a file, give a folder
          dangling => Cannot use model = dangling in x.yaml:2: <here>/dangling is a link that leads nowhere, mend it
          ring/x => Cannot use model = ring/x in x.yaml:2: <here>/ring is a link that leads nowhere, mend it
          ${NOSUCH}/x => Cannot use model = ${NOSUCH}/x in x.yaml:2: the environment variable NOSUCH is not set, set it
          ${NO-SUCH} => Cannot use model = ${NO-SUCH} in x.yaml:2: write variables as ${NAME}
          ~nosuch/x => Cannot use model = ~nosuch/x in x.yaml:2: ~ alone is a home folder, write others out
          http://host/x => Cannot use model = http://host/x in x.yaml:2: nothing is downloaded, fetch it and give the folder
          file://host/x => Cannot use model = file://host/x in x.yaml:2: file: is this machine, leave out the host
          nosuch://host/x => Cannot use model = nosuch://host/x in x.yaml:2: no file system is known for nosuch:, give a folder on this machine, in hdfs: or in s3a:
          a:b => Cannot use model = a:b in x.yaml:2: it is no location, give a path or scheme://host/path
          hdfs://nosuch.invalid:9000/x => Cannot use model = hdfs://nosuch.invalid:9000/x in x.yaml:2: no host is named nosuch.invalid, mend the address
          hdfs://127.0.0.1:9/x => Cannot use model = hdfs://127.0.0.1:9/x in x.yaml:2: 127.0.0.1 does not answer, mend the address or wait until it does
          s3a://key:secret@bucket/x => Cannot use model in x.yaml:2 with a password in the address: give it in Hadoop's configuration
          """)
  void refusesAPlace(String text, String sentence) throws IOException {
    Files.createFile(here.resolve("a-file"));
    Files.createSymbolicLink(here.resolve("dangling"), Path.of("nosuch"));
    Files.createSymbolicLink(here.resolve("ring"), Path.of("ring"));
    assertThatThrownBy(
            () ->
                locations(Map.of())
                    .folder(
                        "model",
                        text.equals("\"\"") ? "" : text,
                        "x.yaml:2",
                        "give builtin:mini or a folder"))
        .isInstanceOf(SpecException.class)
        .hasMessage(sentence.replace("<here>", here.toString()));
  }

  /** A file system that answers with a fault. */
  public static final class Faulty extends RawLocalFileSystem {
    static Exception fault;

    @Override
    public URI getUri() {
      return URI.create("faulty://host");
    }

    @Override
    public FileStatus getFileStatus(org.apache.hadoop.fs.Path path) throws IOException {
      if (fault instanceof IOException e) {
        throw e;
      }
      throw (RuntimeException) fault;
    }
  }

  @Test
  void whatAFileSystemThrowsBecomesAReason() {
    conf.setClass("fs.faulty.impl", Faulty.class, org.apache.hadoop.fs.FileSystem.class);
    Map<Exception, String> reasons =
        Map.of(
            new AccessControlException("inner words"), "access is denied",
            new AccessDeniedException("inner words"), "access is denied",
            new IOException("inner words", new UnknownHostException("inner words")),
                "no host is named host",
            new IllegalArgumentException("java.net.UnknownHostException: host"),
                "no host is named host",
            new ConnectException("inner words"), "host does not answer",
            new SocketTimeoutException("inner words"), "host does not answer",
            new RuntimeException(new ClassNotFoundException("inner words")),
                "the module for faulty: is missing",
            new FileNotFoundException("inner words"), "is not there",
            new IOException("inner words"), "its file system gives an error",
            new IllegalStateException("inner words"), "its file system gives an error");
    reasons.forEach(
        (fault, reason) -> {
          Faulty.fault = fault;
          assertThatThrownBy(() -> find("faulty://host/x"))
              .isInstanceOf(SpecException.class)
              .hasMessageContaining(reason)
              .hasMessageNotContaining("inner words")
              .hasMessageNotContaining("Exception");
        });
  }

  @Test
  void aFileSystemOfThePlatformIsLookedAt() throws IOException {
    conf.set("fs.defaultFS", "file:///");
    Path mine = Files.createDirectories(here.resolve("m"));
    assertThat(find("file://" + mine.toString().replace(" ", " "))).isEqualTo("file:" + mine);
    assertThat(find("file:" + mine)).isEqualTo("file:" + mine);
  }

  private String find(String text) {
    return locations(Map.of()).folder("model", text, "x.yaml:2", "give one");
  }

  private Locations locations(Map<String, String> variables) {
    return new Locations(conf, here, Optional.of(installation), variables);
  }
}
