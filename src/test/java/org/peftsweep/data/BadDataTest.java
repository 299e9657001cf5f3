package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What cannot be read gets one sentence with file, line and remedy. */
class BadDataTest {
  private static final int DAMAGES = 60;
  private static final Pattern SENTENCE =
      Pattern.compile("Cannot (read|use|find|choose|unpack) [^\n]*: [^\n]*");

  /** Words of libraries and of the language, which are no words of ours. */
  private static final Pattern FOREIGN =
      Pattern.compile(
          "Exception|java\\.|jackson|JsonReadFeature|StreamRead|univocity|thrift|hadoop\\.|at \\[|"
              + "ParserSettings|REDACTED|null",
          Pattern.CASE_INSENSITIVE);

  @TempDir Path folder;

  private final DatasetReader reader = new DatasetReader(new Configuration(), false);
  private final DatasetReader lenient = new DatasetReader(new Configuration(), true);

  @TestFactory
  List<DynamicTest> damagedFilesAreReadOrRefusedInOurWords() throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(7), 12, true);
    Map<String, byte[]> files = new TreeMap<>();
    for (String name :
        List.of(
            "train.csv",
            "train.tsv",
            "train.jsonl",
            "train.json",
            "train.csv.gz",
            "train.jsonl.bz2")) {
      String text =
          switch (name) {
            case "train.tsv" -> RowFiles.quoted(rows, '\t', false);
            case "train.json" -> RowFiles.jsonArray(rows, true);
            case "train.csv", "train.csv.gz" -> RowFiles.quoted(rows, ',', true);
            default -> RowFiles.jsonLines(rows);
          };
      RowFiles.write(folder.resolve("sound").resolve(name), text);
      files.put(name, Files.readAllBytes(folder.resolve("sound").resolve(name)));
    }
    RowFiles.parquet(folder.resolve("sound/train.parquet"), rows);
    files.put("train.parquet", Files.readAllBytes(folder.resolve("sound/train.parquet")));
    List<DynamicTest> tests = new ArrayList<>();
    files.forEach(
        (name, sound) -> tests.add(DynamicTest.dynamicTest(name, () -> damage(name, sound))));
    return tests;
  }

  private void damage(String name, byte[] sound) throws IOException {
    SplittableRandom random = new SplittableRandom(name.hashCode());
    int refused = 0;
    for (int i = 0; i < DAMAGES; i++) {
      byte[] bytes = damaged(sound, random);
      Path own = Files.createDirectories(folder.resolve(name + i));
      Files.write(own.resolve(name), bytes);
      for (DatasetReader one : List.of(reader, lenient)) {
        for (Task task : List.of(RowFiles.TASK, RowFiles.QUOTING)) {
          Throwable fault = catchThrowable(() -> one.read(task, own.toString(), Split.TRAIN, ""));
          if (fault != null) {
            refused++;
            assertIsOurs(fault, own, name + " " + i);
          }
        }
      }
    }
    assertThat(refused).as("damages that show").isGreaterThan(DAMAGES / 3);
  }

  private static void assertIsOurs(Throwable fault, Path own, String which) {
    assertThat(fault).as(which).isInstanceOf(DataException.class);
    assertThat(fault.getMessage())
        .as(which)
        .matches(SENTENCE)
        .contains(own.toString())
        .doesNotContainPattern(FOREIGN)
        .hasSizeLessThan(own.toString().length() + 600);
    assertThat(fault.getMessage().replaceAll("^Cannot (read|use|find) \\S+", ""))
        .as(which + " ends with a remedy")
        .containsAnyOf("; ", ": supply", ": keep");
  }

  private static byte[] damaged(byte[] sound, SplittableRandom random) {
    byte[] bytes = sound.clone();
    switch (random.nextInt(6)) {
      case 0 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
      case 1 -> {
        for (int i = 0; i <= random.nextInt(8); i++) {
          bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
      }
      case 2 -> {
        String marks = "\"\"\"{}[],\t\n\r\0\\:";
        for (int i = 0; i <= random.nextInt(4); i++) {
          bytes[random.nextInt(bytes.length)] = (byte) marks.charAt(random.nextInt(marks.length()));
        }
      }
      case 3 -> {
        int from = random.nextInt(bytes.length);
        int to = from + random.nextInt(bytes.length - from);
        byte[] rest = Arrays.copyOf(bytes, bytes.length - (to - from));
        System.arraycopy(bytes, to, rest, from, bytes.length - to);
        bytes = rest;
      }
      case 4 -> {
        byte[] noise = new byte[1 + random.nextInt(300)];
        random.nextBytes(noise);
        bytes = noise;
      }
      default -> {
        byte[] twice = Arrays.copyOf(bytes, 2 * bytes.length);
        System.arraycopy(bytes, 0, twice, bytes.length, bytes.length);
        twice[random.nextInt(twice.length)] = (byte) random.nextInt(256);
        bytes = twice;
      }
    }
    return bytes;
  }

  @TestFactory
  List<DynamicTest> everyOtherEncodingIsNamedInEveryFormat() {
    List<String[]> rows =
        List.of(
            new String[] {
              "a caf\u00e9 in Z\u00fcrich, very good", "na\u00efve fa\u00e7ade", "good"
            },
            new String[] {"tr\u00e8s mauvais", "d\u00e9j\u00e0 vu, h\u00e9las", "bad"});
    Map<String, String> texts =
        Map.of(
            "train.csv", RowFiles.quoted(rows, ',', false),
            "train.tsv", RowFiles.tsv(rows),
            "train.jsonl", RowFiles.jsonLines(rows),
            "train.json", RowFiles.jsonArray(rows, true),
            "train.csv.gz", RowFiles.quoted(rows, ',', false));
    List<DynamicTest> tests = new ArrayList<>();
    for (String name : new TreeMap<>(texts).keySet()) {
      for (String charset :
          List.of("UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE", "UTF-32BE")) {
        tests.add(
            DynamicTest.dynamicTest(
                name + " in " + charset,
                () -> {
                  Path own = write(name, texts.get(name).getBytes(Charset.forName(charset)));
                  assertThatThrownBy(() -> reader.read(RowFiles.TASK, own.toString()))
                      .isInstanceOf(DataException.class)
                      .hasMessageMatching(
                          "Cannot read \\S*"
                              + name
                              + ":1: it is "
                              + charset.substring(0, 6)
                              + "[LB]E, not UTF-8; save the file as UTF-8");
                }));
      }
      for (String text : List.of(texts.get(name), texts.get(name).replace("y", "\u00e9y"))) {
        tests.add(
            DynamicTest.dynamicTest(
                name + " in Latin-1 " + text.length(),
                () -> {
                  Path own = write(name, text.getBytes(StandardCharsets.ISO_8859_1));
                  assertThatThrownBy(() -> reader.read(RowFiles.TASK, own.toString()))
                      .isInstanceOf(DataException.class)
                      .hasMessageMatching(
                          "Cannot read \\S*"
                              + name
                              + ":\\d: it is not UTF-8, it looks like \\S+( \\S+)?; save the file"
                              + " as UTF-8.*");
                }));
      }
    }
    return tests;
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          train.jsonl | {"a":"x","b":"y","y":[0,1]}                  | train.jsonl:1: column y holds several labels, and multi-label tasks are not supported; give one label a row
          train.jsonl | {"a":"x","b":"y","y":"[0, 1]"}               | train.jsonl:1: column y holds several labels, and multi-label tasks are not supported; give one label a row
          train.csv   | a,b,y~x,y,"[1, 0, 1]"                        | train.csv:2: column y holds several labels, and multi-label tasks are not supported; give one label a row
          train.tsv   | a%b%y~x%y%['good', 'bad']                    | train.tsv:2: column y holds several labels, and multi-label tasks are not supported; give one label a row
          train.jsonl | {"a":"x","b":"y","y":1,"score":NaN}          | train.jsonl:1: key score is NaN, which JSON does not have; mend it, or set skip-bad-rows
          train.jsonl | {"a":"x","b":"y","y":1,"s":[-Infinity]}      | train.jsonl:1: key s is -Infinity, which JSON does not have; mend it, or set skip-bad-rows
          train.jsonl | {"a":"x","b":"y","y":true}                   | train.jsonl:1: label is "true", not one of [bad, good] or an id from 0 to 1; declare labels: ["false", "true"], or set skip-bad-rows
          train.jsonl | {"a":"x","b":"y"}                            | train.jsonl:1: column y holds no label; mend it, or set skip-bad-rows
          train.jsonl | {"a":7,"b":"y","y":1}                        | train.jsonl:1: column a holds a number, not a text; mend it, or set skip-bad-rows
          train.jsonl | {"a":["x"],"b":"y","y":1}                    | train.jsonl:1: column a holds a list, not a text; mend it, or set skip-bad-rows
          train.jsonl | {"a":"x","b":"y","y":{"id":1}}               | train.jsonl:1: column y holds an object, not a label; mend it, or set skip-bad-rows
          train.jsonl | {"a":null,"b":"y","y":1}                     | train.jsonl:1: column a holds no text; mend it, or set skip-bad-rows
          train.jsonl | {"a":"x","b":"y","y":1,"a":"z"}              | train.jsonl:1: key a stands in it twice; mend it, or set skip-bad-rows
          train.jsonl | {'a':'x','b':'y','y':1}                      | train.jsonl:1: it is not JSON from column 2 on; give one object a line, or one array of objects, or set skip-bad-rows
          train.jsonl | {"a":"x","b":"y","y":1} {}                   | train.jsonl:1: it is more than one JSON object; mend it, or set skip-bad-rows
          train.json  | {~"a":"x","b":"y","y":1}                     | train.json:1: its JSON has no end; give one object a line, or one array of objects, or set skip-bad-rows
          train.json  | [{"a":"x","b":"y","y":1},~{"a":"x"           | train.json:3: its JSON has no end; give one object a line, or one array of objects
          train.json  | [{"a":"x","b":"y","y":1}]~[]                 | train.json:2: more follows after the array; give one object a line, or one array of objects
          train.json  | [~{"a":"x","b":"y","y":1},~{"a":"x","y":1}]  | train.json:3 (row 2): column b holds no text; mend it, or set skip-bad-rows
          train.csv   | a,y~x,good                                   | train.csv:1 as mine: the header must name column b once, and names [a, y]; correct it, or the columns in declare-tasks
          train.csv   | a;b;y~x;y;good                               | train.csv:1 as mine: the header must name column a once, and names [a;b;y]; correct it, or the columns in declare-tasks
          train.csv   | a,b,y~x,y                                    | train.csv:2: 2 fields, not 3; mend it, or set skip-bad-rows
          train.csv   | a,b,y~~x,"y~z",good~x,"y,good~x,y,bad        | train.csv:5: a field that begins with a quote does not end with one; close it, and double the quotes within
          train.csv   | a,b,y~"x" z,y,good                           | train.csv:2: a field that begins with a quote does not end with one; close it, and double the quotes within
          train.tsv   | a%b%y~"x%z"%y%good                           | train.tsv:2: 4 fields, not 3; declare quotes: true if its fields stand in quotes, else mend it, or set skip-bad-rows
          train.csv   | a,b,y~x,y,                                   | train.csv:2: label is "", not one of [bad, good] or an id from 0 to 1; mend it, or set skip-bad-rows
          train.csv   | a,b,y~x,y, good                              | train.csv:2: label is " good", with blanks before it, not one of [bad, good] or an id from 0 to 1; mend it, or set skip-bad-rows
          train.csv   | a, b, y~x,y,good                             | train.csv:1 as mine: the header must name column b once, and names [a, " b", " y"]; correct it, or the columns in declare-tasks
          train.csv   | version https://git-lfs.github.com/spec/v1   | train.csv:1: it is a pointer of git-lfs; fetch the file itself by git lfs pull
          train.parquet | version https://git-lfs.github.com/spec/v1 | train.parquet: it is a pointer of git-lfs; fetch the file itself by git lfs pull
          train.csv   | PAR1xxxxPAR1                                 | train.csv:1: it is a Parquet file; let its name end in .parquet
          train.csv.gz~ | a,b,y                                      | train.csv.gz: it is damaged or cut short; fetch it again
          train.csv.gz | PAR1xxxxPAR1                                | train.csv.gz:1: it is a Parquet file; unpack it, and let its name end in .parquet
          train.parquet.gz | a,b,y                                   | train.parquet.gz: it is packed by gzip; unpack it
          train.parquet | a,b,y                                      | train.parquet: it is not Parquet; supply it in its format
          train.jsonl | {"a":"x","b":"y","y":1}~%~ ~% %~7            | train.jsonl:5: it is not a JSON object; mend it, or set skip-bad-rows
          """)
  void eachFaultHasItsSentence(String name, String text, String sentence) throws IOException {
    boolean isRaw = name.endsWith("~");
    String file = name.replace("~", "");
    byte[] bytes =
        (text.replace('~', '\n').replace('%', '\t') + "\n").getBytes(StandardCharsets.UTF_8);
    if (isRaw) {
      Files.write(folder.resolve(file), bytes);
    } else {
      RowFiles.write(folder.resolve(file), bytes);
    }
    assertThatThrownBy(() -> reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, ""))
        .isInstanceOf(DataException.class)
        .hasMessage("Cannot read file:" + folder + "/" + sentence);
  }

  /** What keeps a label or a column from being the one that is asked for can be seen. */
  @TestFactory
  List<DynamicTest> whatTakesNoInkIsShown() {
    List<DynamicTest> tests = new ArrayList<>();
    for (int unseen :
        new int[] {' ', 0xa0, 0x200b, 0x2009, 0x3000, 0xad, 0x202e, 0x7f, 1, '\t', 0x2028}) {
      String shown = unseen == ' ' ? " " : unseen == '\t' ? "\\t" : "\\u%04x".formatted(unseen);
      String mark = Character.toString(unseen);
      for (List<String> around :
          List.of(List.of(mark, ""), List.of("", mark), List.of(mark, mark + mark))) {
        String label = around.get(0) + "good" + around.get(1);
        String where =
            around.get(0).isEmpty() ? "behind" : around.get(1).isEmpty() ? "before" : "around";
        String said = label.replace(mark, shown);
        String name = shown + " " + where;
        tests.add(
            DynamicTest.dynamicTest(
                name,
                () -> {
                  List<String[]> rows = List.<String[]>of(new String[] {"x", "y", label});
                  for (String file : List.of("train.csv", "train.jsonl")) {
                    String text =
                        file.endsWith("csv")
                            ? "a,b,y\nx,y," + label + "\n"
                            : RowFiles.jsonLines(rows);
                    Path own = write(file, text.getBytes(StandardCharsets.UTF_8));
                    assertThatThrownBy(
                            () -> reader.read(RowFiles.TASK, own.toString(), Split.TRAIN, ""))
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining(
                            ": label is \"%s\", with blanks %s it, not one of [bad, good] or"
                                .formatted(said, where));
                  }
                  Path own =
                      write(
                          "train.csv",
                          ("a,b," + label + "\nx,y,1\n").getBytes(StandardCharsets.UTF_8));
                  Task task =
                      new Task("mine", List.of("a"), "good", List.of(), List.of(Metric.PEARSON));
                  assertThatThrownBy(() -> reader.read(task, own.toString(), Split.TRAIN, ""))
                      .isInstanceOf(DataException.class)
                      .hasMessageContaining(
                          ": the header must name column good once, and names [a, b, \""
                              + said
                              + "\"]; ");
                }));
      }
    }
    return tests;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"3.5e38", "-3.5e38", "1e39", "-1E308", "340282360000000000000000000000000000000"})
  void aNumberBeyondFloatsIsNoLabel(String label) throws IOException {
    Task task = new Task("mine", List.of("a"), "y", List.of(), List.of(Metric.PEARSON));
    Path sound =
        write("train.csv", "a,y\nx,3.4e38\nx,-3.4E+38\nx,1e-300".getBytes(StandardCharsets.UTF_8));
    assertThat(reader.read(task, sound.toString(), Split.TRAIN, "").examples())
        .allMatch(example -> Float.isFinite((float) example.label()));
    for (String text : List.of("a,y\nx,1\nx," + label, "y,a\n1,x\n\"" + label + "\",z")) {
      Path own = write("train.csv", text.getBytes(StandardCharsets.UTF_8));
      assertThatThrownBy(() -> reader.read(task, own.toString(), Split.TRAIN, ""))
          .isInstanceOf(DataException.class)
          .hasMessageEndingWith(
              "/train.csv:3: label is \""
                  + label
                  + "\", not a number within 3.4e38 of 0; mend it, or set skip-bad-rows");
    }
  }

  /** Bytes of one kind of file under the name of another; the name never ends as told already. */
  @TestFactory
  List<DynamicTest> whatIsPackedIsToldHowToBeReadUnderItsName() throws IOException {
    byte[] text = "a,b,y\nx,y,good\n".getBytes(StandardCharsets.UTF_8);
    RowFiles.write(folder.resolve("once.gz"), text);
    byte[] once = Files.readAllBytes(folder.resolve("once.gz"));
    byte[] zip = "PK\u0003\u0004 and more".getBytes(StandardCharsets.UTF_8);
    List<DynamicTest> tests = new ArrayList<>();
    for (String name :
        List.of("csv", "tsv", "jsonl", "json", "csv.gz", "jsonl.gz", "parquet", "parquet.gz")) {
      for (byte[] bytes : List.of(once, zip)) {
        String what = bytes == once ? "packed by gzip; " : "a zip file or a workbook; ";
        tests.add(
            DynamicTest.dynamicTest(
                name + ": " + what,
                () -> {
                  Path own = Files.createTempDirectory(folder, "x");
                  Path file = own.resolve("train." + name);
                  if (name.startsWith("parquet")) {
                    Files.write(file, bytes);
                  } else {
                    RowFiles.write(file, bytes);
                  }
                  Throwable fault =
                      catchThrowable(
                          () -> reader.read(RowFiles.TASK, own.toString(), Split.TRAIN, ""));
                  assertThat(fault)
                      .isInstanceOf(DataException.class)
                      .hasMessageContaining("/train." + name)
                      .hasMessageContaining(": it is " + what);
                  String remedy = fault.getMessage().substring(fault.getMessage().indexOf("; "));
                  if (remedy.contains("end in .")) {
                    assertThat(name).doesNotEndWith(remedy.substring(remedy.lastIndexOf('.') + 1));
                  }
                  assertThat(remedy.contains("UTF-8") && name.startsWith("parquet")).isFalse();
                }));
      }
    }
    return tests;
  }

  @ParameterizedTest
  @ValueSource(strings = {"csv", "tsv", "jsonl", "csv.gz"})
  void linesThatEndInCarriageReturnsAloneAreNamed(String ending) throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(9), 5, false);
    String text =
        ending.startsWith("csv")
            ? RowFiles.quoted(rows, ',', false)
            : ending.equals("tsv") ? RowFiles.tsv(rows) : RowFiles.jsonLines(rows);
    for (String mark : List.of("", "\uFEFF")) {
      Path own =
          write(
              "train." + ending,
              (mark + text.replace('\n', '\r')).getBytes(StandardCharsets.UTF_8));
      for (DatasetReader one : List.of(reader, lenient)) {
        assertThatThrownBy(() -> one.read(RowFiles.TASK, own.toString(), Split.TRAIN, ""))
            .isInstanceOf(DataException.class)
            .hasMessageEndingWith(
                "/train."
                    + ending
                    + ":1: its lines end with carriage returns alone; save it with line feeds");
      }
    }
  }

  @Test
  void aHugeLineIsRefusedByPlaceAndLittleOfItIsHeld() throws IOException {
    String huge = "x".repeat(10_000_000);
    Map<String, String> texts =
        Map.of(
            "train.tsv", "a\tb\ty\nx\ty\tgood\n" + huge + "\ty\tgood\nx\ty\tbad\n",
            "train.csv", "a,b,y\nx,y,good\n\"" + huge + "\",y,good\nx,y,bad\n",
            "train.jsonl",
                "{\"a\":\"x\",\"b\":\"y\",\"y\":1}\n{\"a\":\""
                    + huge
                    + "\",\"b\":\"y\",\"y\":1}\n");
    for (String name : texts.keySet()) {
      Path own = write(name, texts.get(name).getBytes(StandardCharsets.UTF_8));
      assertThatThrownBy(() -> reader.read(RowFiles.TASK, own.toString()))
          .isInstanceOf(DataException.class)
          .hasMessageMatching(
              "Cannot read \\S*"
                  + name
                  + ":[23]: it has a line of more than 4 MiB; shorten its texts.*");
    }
    Path own =
        write(
            "train.json",
            ("[{\"a\":\"" + huge + "\",\"b\":\"y\",\"y\":1}]").getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> reader.read(RowFiles.TASK, own.toString()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("train.json:1: it holds a text, number or nesting that is too long");
    String quoted = "a,b,y\n\"" + "line of text\n".repeat(600_000);
    Path endless = write("train.csv", quoted.getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> reader.read(RowFiles.TASK, endless.toString()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("train.csv:2: a field that begins there has no end within 4 MiB");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "train.csv+train.jsonl, '[train.csv, train.jsonl]'",
    "train.csv+train.csv.gz, '[train.csv, train.csv.gz]'",
    "train.csv+data/train.csv, '[data/train.csv, train.csv]'",
    "train.csv+train/x.csv, '[train.csv, train/]'",
    "train-0.csv+train.csv, '[train-*.csv, train.csv]'",
    "train/x.csv+train/y.jsonl, '[x.csv, y.jsonl]'"
  })
  void twoThatCouldBeAPartAreNamed(String files, String names) throws IOException {
    for (String name : files.split("\\+")) {
      RowFiles.write(folder.resolve(name), "a,b,y\nx,y,good\n");
    }
    assertThatThrownBy(() -> reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, ""))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "Cannot choose between " + names + " in " + folder + ": keep the files of one form");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          train-00000-of-00002.csv       | Cannot read train-*.csv in @: the numbers 0 are there, of 2 files; supply each once
          train-0-of-2.csv+train-5-of-2.csv | Cannot read train-*.csv in @: the numbers 0, 5 are there, of 2 files; supply each once
          train-0-of-2.csv+train-1-of-3.csv | Cannot read train-*.csv in @: the numbers 0, 1 are there, of 2 and of 3 files; supply each once
          train-0.csv+train-0.csv.gz+train-1.csv | Cannot read both train-0.csv and train-0.csv.gz in @: they are the same part of the rows; remove one
          train-0-of-2.csv+train-0-of-2.csv.bz2 | Cannot read both train-0-of-2.csv and train-0-of-2.csv.bz2 in @: they are the same part of the rows; remove one
          train-1.csv+train_01.csv       | Cannot read both train-1.csv and train_01.csv in @: they are the same part of the rows; remove one
          train.csv/part-00000-a-c000.csv+train.csv/part-00000-a-c000.csv.gz | Cannot read both part-00000-a-c000.csv and part-00000-a-c000.csv.gz in file:@/train.csv: they are the same part of the rows; remove one
          train/x-0-of-3.csv+train/x-2-of-3.csv.gz | Cannot read x-* in file:@/train: the numbers 0, 2 are there, of 3 files; supply each once
          train.csv/y=good/part-0.csv    | Cannot read file:@/train.csv: it is partitioned by a column; write it without partitionBy
          train.csv/_temporary/0.csv     | Cannot read file:@/train.csv: Spark did not write it to its end; write it again
          train.parquet/_delta_log/0.json | Cannot read file:@/train.parquet: it is a Delta table; write its rows as Parquet
          train.csv/_SUCCESS             | Cannot read file:@/train.csv: it holds no file of rows; supply files that end in .csv, .tsv, .jsonl, .json, .ndjson, .parquet
          train.xlsx                     | Cannot find train of mine in @: supply train.csv, .tsv, .jsonl, .json, .ndjson, .parquet, or a folder of such files; there are [train.xlsx]
          """)
  void aPartThatIsNotThereWholeIsNamed(String names, String sentence) throws IOException {
    for (String name : names.split("\\+")) {
      RowFiles.write(folder.resolve(name), "a,b,y\nx,y,good\n");
    }
    assertThatThrownBy(() -> reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, ""))
        .isInstanceOf(DataException.class)
        .hasMessage(sentence.replace("@", folder.toString()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train.csv",
        "train-1.jsonl",
        "train.csv.gz",
        "data/train.parquet",
        "train/x.csv",
        "dev.csv"
      })
  void aLinkThatLeadsNowhereIsNoAbsentFile(String name) throws IOException {
    Path link = folder.resolve(name);
    for (String part : List.of("train", "dev")) {
      if (!name.contains(part)) {
        RowFiles.write(folder.resolve(part + ".csv"), "a,b,y\nx,y,good\nx,y,bad\nz,y,bad\n");
      }
    }
    Files.createDirectories(link.getParent());
    Files.createSymbolicLink(link, Path.of("../blobs/0123"));
    Task carving =
        new Task(
            "mine",
            List.of("a", "b"),
            "y",
            List.of("bad", "good"),
            List.of(Metric.ACCURACY),
            List.of("dev"),
            false,
            0.5);
    assertThatThrownBy(() -> reader.read(carving, folder.toString()))
        .isInstanceOf(DataException.class)
        .hasMessageMatching("Cannot read (file:)?\\Q" + link + "\\E: .*")
        .hasMessageEndingWith(": it is a link to ../blobs/0123, where nothing is; fetch that");
  }

  @ParameterizedTest
  @ValueSource(strings = {"train.csv", "train.tsv", "train.jsonl", "train.csv.gz", "train.parquet"})
  void checksumsBesideAFileAreNotTheUsers(String name) throws IOException {
    List<String[]> rows = RowFiles.rows(new SplittableRandom(3), 9, false);
    if (name.endsWith("parquet")) {
      RowFiles.parquet(folder.resolve(name), rows);
    } else {
      RowFiles.write(
          folder.resolve(name),
          name.endsWith("jsonl")
              ? RowFiles.jsonLines(rows)
              : name.endsWith("tsv") ? RowFiles.tsv(rows) : RowFiles.quoted(rows, ',', true));
    }
    Files.write(
        folder.resolve("." + name + ".crc"), new byte[] {'c', 'r', 'c', 0, 0, 0, 2, 0, 1, 2, 3, 4});
    assertThat(reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, "").examples())
        .isEqualTo(RowFiles.examples(rows));
  }

  /** Files on this machine's disk that some of them may not be opened, whoever asks. */
  public static final class Closed extends RawLocalFileSystem {
    private static final URI HERE = URI.create("closed:///");

    @Override
    public URI getUri() {
      return HERE;
    }

    private static void requireOpen(org.apache.hadoop.fs.Path path) throws IOException {
      if (path.toUri().getPath().contains("/closed")) {
        throw new AccessControlException("Permission denied: user=somebody, inode=" + path);
      }
    }

    @Override
    public FSDataInputStream open(org.apache.hadoop.fs.Path path, int buffer) throws IOException {
      requireOpen(path.getParent());
      return super.open(path, buffer);
    }

    @Override
    public FileStatus[] listStatus(org.apache.hadoop.fs.Path path) throws IOException {
      requireOpen(path.getParent());
      return super.listStatus(path);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"train.csv", "train.jsonl", "train.csv.gz", "train.parquet", ""})
  void permissionsThatLackAreNamedWithTheFile(String name) throws IOException {
    Path own = Files.createDirectories(folder.resolve(name.isEmpty() ? "closed/own" : "closed"));
    RowFiles.write(own.resolve(name.isEmpty() ? "train.csv" : name), "a,b,y\nx,y,good\n");
    Configuration conf = new Configuration();
    conf.setClass("fs.closed.impl", Closed.class, FileSystem.class);
    DatasetReader ofOthers = new DatasetReader(conf, false);
    assertThatThrownBy(() -> ofOthers.read(RowFiles.TASK, "closed://" + own, Split.TRAIN, ""))
        .isInstanceOf(DataException.class)
        .hasMessageMatching(
            "Cannot read closed:/+"
                + own.resolve(name).toString().substring(1)
                + ": access is denied, give this account the rights to it");
  }

  @Test
  void placesThatAreNoFolderOfDataAreRefused() throws IOException {
    RowFiles.write(folder.resolve("train.csv"), "a,b,y\nx,y,good\n");
    for (String place :
        List.of(
            folder + "/train.csv",
            "nosuch://host/data",
            folder + "/absent",
            "http://localhost:1/x")) {
      Throwable fault = catchThrowable(() -> reader.read(RowFiles.TASK, place));
      assertThat(fault).as(place).isInstanceOf(DataException.class);
      assertThat(fault.getMessage()).matches(SENTENCE).doesNotContainPattern(FOREIGN);
    }
  }

  private Path write(String name, byte[] bytes) throws IOException {
    Path own = Files.createTempDirectory(folder, "x");
    RowFiles.write(own.resolve(name), bytes);
    return own;
  }
}
