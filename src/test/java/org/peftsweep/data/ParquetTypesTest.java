package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.NanoTime;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.results.LocalSpark;

/** A Parquet column's values are what its type says, however they are stored. */
class ParquetTypesTest {
  private static final int ROWS = 50;

  private static final Task VALUES =
      new Task("mine", List.of("a"), "y", List.of(), List.of(Metric.PEARSON));

  @TempDir Path folder;

  private final DatasetReader reader = new DatasetReader(new Configuration(), false);
  private final DatasetReader lenient = new DatasetReader(new Configuration(), true);

  @ParameterizedTest(name = "{0} digits, {1} behind the point, as {2}")
  @CsvSource({
    "2, 1, int32",
    "9, 9, int32",
    "7, 0, int64",
    "18, 3, int64",
    "2, 1, fixed_len_byte_array(1)",
    "18, 5, fixed_len_byte_array(8)",
    "38, 10, fixed_len_byte_array(16)",
    "5, 2, binary",
    "30, 30, binary"
  })
  void decimals(int precision, int scale, String stored) throws IOException {
    SplittableRandom random = new SplittableRandom(precision + 100 * scale);
    BigInteger bound = BigInteger.TEN.pow(precision);
    List<BigInteger> unscaled =
        IntStream.range(0, ROWS)
            .mapToObj(
                i -> {
                  byte[] bytes = new byte[20];
                  random.nextBytes(bytes);
                  return new BigInteger(bytes).remainder(bound);
                })
            .toList();
    write(
        stored + " y (DECIMAL(" + precision + "," + scale + "))",
        ROWS,
        (row, i) -> {
          BigInteger value = unscaled.get(i);
          switch (stored) {
            case "int32" -> row.append("y", value.intValueExact());
            case "int64" -> row.append("y", value.longValueExact());
            case "binary" -> row.append("y", Binary.fromConstantByteArray(value.toByteArray()));
            default -> {
              int width = Integer.parseInt(stored.replaceAll("\\D+(\\d+)\\)", "$1"));
              byte[] wide = new byte[width];
              Arrays.fill(wide, (byte) (value.signum() < 0 ? -1 : 0));
              byte[] own = value.toByteArray();
              System.arraycopy(own, 0, wide, width - own.length, own.length);
              row.append("y", Binary.fromConstantByteArray(wide));
            }
          }
        });
    assertThat(labels())
        .isEqualTo(
            unscaled.stream().map(value -> new BigDecimal(value, scale).doubleValue()).toList());
  }

  @Test
  void whatSparkWritesAsDecimal() {
    List<String> values = List.of("3.5", "0.5", "-0.1", "9.9");
    List<Row> rows = values.stream().map(v -> RowFactory.create("x", new BigDecimal(v))).toList();
    for (boolean isLegacy : List.of(false, true)) {
      LocalSpark.session().conf().set("spark.sql.parquet.writeLegacyFormat", isLegacy);
      LocalSpark.session()
          .createDataFrame(
              rows,
              new StructType()
                  .add("a", DataTypes.StringType)
                  .add("y", DataTypes.createDecimalType(2, 1)))
          .coalesce(1)
          .write()
          .mode("overwrite")
          .parquet(folder.resolve("train.parquet").toString());
      assertThat(labels()).isEqualTo(values.stream().map(Double::valueOf).toList());
    }
    LocalSpark.session().conf().unset("spark.sql.parquet.writeLegacyFormat");
  }

  @Test
  void otherNumbers() throws IOException {
    write("int32 y (INTEGER(32,false))", 3, (row, i) -> row.append("y", -1 - i));
    assertThat(labels()).containsExactly(4294967295.0, 4294967294.0, 4294967293.0);
    write("int64 y (INTEGER(64,false))", 1, (row, i) -> row.append("y", -1L));
    assertThat(labels()).containsExactly(0x1p64);
    write("int32 y (INTEGER(8,true))", 2, (row, i) -> row.append("y", -i));
    assertThat(labels()).containsExactly(0.0, -1.0);
    write("int64 y", 1, (row, i) -> row.append("y", -7L));
    assertThat(labels()).containsExactly(-7.0);
    write("float y", 2, (row, i) -> row.append("y", i + 0.1f));
    assertThat(labels()).containsExactly(0.1, 1.1);
    write("double y", 1, (row, i) -> row.append("y", 1e-300));
    assertThat(labels()).containsExactly(1e-300);
    short[] halves = {0x3c00, (short) 0xc100, 0x0001, 0x7bff};
    write(
        "fixed_len_byte_array(2) y (FLOAT16)",
        halves.length,
        (row, i) ->
            row.append(
                "y",
                Binary.fromConstantByteArray(
                    new byte[] {(byte) halves[i], (byte) (halves[i] >> 8)})));
    assertThat(labels().stream().map(Double::floatValue))
        .containsExactly(1f, -2.5f, 0x1p-24f, 65504f);
  }

  /** A class name that is a number is one however it is written, and an id as well. */
  @Test
  void decimalsAsClasses() throws IOException {
    write("int32 y (DECIMAL(3,1))", 2, (row, i) -> row.append("y", 10 * i));
    Task task =
        new Task("mine", List.of("a"), "y", List.of("bad", "good"), List.of(Metric.ACCURACY));
    assertThat(reader.read(task, folder.toString(), Split.TRAIN, "").examples())
        .extracting(Example::label)
        .containsExactly(0.0, 1.0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"(STRING)", "(ENUM)", "(JSON)", ""})
  void texts(String type) throws IOException {
    String text = "{\"\u00fc\": \"\u4f60\uD83D\uDE00\"}";
    write(
        "binary b " + type + "; required int32 day (DATE); required double y",
        1,
        (row, i) ->
            row.append("b", Binary.fromString(text))
                .append("day", (int) LocalDate.of(1969, 7, 20).toEpochDay())
                .append("y", 1.0));
    Task task = new Task("mine", List.of("a", "b", "day"), "y", List.of(), List.of(Metric.PEARSON));
    assertThat(reader.read(task, folder.toString(), Split.TRAIN, "").examples())
        .containsExactly(new Example(0, "x", text + " 1969-07-20", 1));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          int96 y | INT96
          int64 y (TIMESTAMP(MILLIS,true)) | TIMESTAMP(MILLIS,true)
          int32 y (TIME(MILLIS,true)) | TIME(MILLIS,true)
          fixed_len_byte_array(12) y (INTERVAL) | INTERVAL
          fixed_len_byte_array(16) y (UUID) | UUID
          fixed_len_byte_array(12) y | FIXED_LEN_BYTE_ARRAY
          binary y (BSON) | BSON
          """)
  void whatStandsForNoTextOrNumber(String column, String type) throws IOException {
    write(
        column,
        2,
        (row, i) -> {
          switch (column.split(" ")[0]) {
            case "int96" -> row.append("y", new NanoTime(48, 48));
            case "int64" -> row.append("y", 1L);
            case "int32" -> row.append("y", 1);
            default -> {
              int width = Integer.parseInt(("0" + column.split(" ")[0]).replaceAll("\\D", ""));
              byte[] bytes = new byte[width % 100];
              Arrays.fill(bytes, (byte) '1');
              row.append("y", Binary.fromConstantByteArray(bytes));
            }
          }
        });
    for (DatasetReader one : List.of(reader, lenient)) {
      for (Split split : List.of(Split.TRAIN, Split.TEST)) {
        assertThatThrownBy(() -> one.read(VALUES, folder.toString(), split, ""))
            .isInstanceOf(DataException.class)
            .hasMessageMatching("Cannot read file:\\S+/(train|test).parquet as mine: .*")
            .hasMessageEndingWith(
                ": column y is of the type "
                    + type
                    + ", neither text nor number; write it as one of these");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"b", "y"})
  void textsThatAreNotUtf8AreBadRows(String bad) throws IOException {
    byte[] latin = "sch\u00f6n".getBytes(StandardCharsets.ISO_8859_1);
    write(
        "binary b (STRING); required binary y",
        3,
        (row, i) -> {
          for (String column : List.of("b", "y")) {
            row.append(
                column,
                column.equals(bad) && i == 1
                    ? Binary.fromConstantByteArray(latin)
                    : Binary.fromString("good"));
          }
        });
    assertThatThrownBy(() -> reader.read(RowFiles.TASK, folder.toString(), Split.TRAIN, ""))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "Cannot read file:%s/train.parquet:2: column %s holds a text that is not UTF-8; write its texts as UTF-8, or set skip-bad-rows"
                .formatted(folder, bad));
    Part rest = lenient.read(RowFiles.TASK, folder.toString(), Split.TRAIN, "");
    assertThat(rest.examples()).hasSize(2);
    assertThat(rest.skippedRows()).isEqualTo(1);
  }

  private List<Double> labels() {
    return reader.read(VALUES, folder.toString(), Split.TRAIN, "").examples().stream()
        .map(Example::label)
        .toList();
  }

  /** Rows with a text {@code a} and what is appended, as train and as test. */
  private void write(String columns, int count, BiConsumer<Group, Integer> append)
      throws IOException {
    MessageType schema =
        MessageTypeParser.parseMessageType(
            "message rows { required binary a (STRING); required " + columns + "; }");
    SimpleGroupFactory groups = new SimpleGroupFactory(schema);
    for (String part : List.of("train", "test")) {
      Path file = folder.resolve(part + ".parquet");
      Files.deleteIfExists(file);
      Files.deleteIfExists(folder.resolve("." + part + ".parquet.crc"));
      try (ParquetWriter<Group> writer =
          ExampleParquetWriter.builder(new org.apache.hadoop.fs.Path(file.toString()))
              .withType(schema)
              .build()) {
        for (int i = 0; i < count; i++) {
          Group row = groups.newGroup().append("a", "x");
          append.accept(row, i);
          writer.write(row);
        }
      }
    }
  }
}
