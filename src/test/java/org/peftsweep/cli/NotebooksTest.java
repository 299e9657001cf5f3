package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Views;

/** Zeppelin notes: words, SQL and plots only, no stored results, and every statement answers. */
class NotebooksTest {
  private static final String SQL = "%spark.sql\n";
  private static final String WORDS = "%md\n";
  private static final int MOST_LINES = 20;

  private static final SparkSession SPARK = LocalSpark.session();

  static Stream<Path> everyNote() throws IOException {
    return Files.list(Path.of("notebooks")).sorted();
  }

  @BeforeAll
  static void makeResults() throws Exception {
    Views.create(SPARK, TinySweep.output().toString());
  }

  @ParameterizedTest
  @MethodSource("everyNote")
  void isNamedAsZeppelinNamesIt(Path note) {
    JsonNode tree = read(note);
    assertThat(note.getFileName().toString())
        .isEqualTo(
            tree.get("name").asText().replaceFirst(" ", "_").replace(' ', '-')
                + "_"
                + tree.get("id").asText()
                + ".zpln");
  }

  @ParameterizedTest
  @MethodSource("everyNote")
  void holdsTextsOnly(Path note) {
    JsonNode tree = read(note);
    assertThat(names(tree)).containsExactlyInAnyOrder("name", "id", "paragraphs");
    List<String> texts = texts(note);
    assertThat(texts.get(0)).startsWith(WORDS + "# ");
    for (int i = 0; i < texts.size(); i++) {
      assertThat(names(tree.get("paragraphs").get(i))).first().isEqualTo("text");
      assertThat(names(tree.get("paragraphs").get(i))).isSubsetOf("text", "config");
      String text = texts.get(i);
      assertThat(text.startsWith(SQL) || text.startsWith(WORDS)).as(text).isTrue();
      if (text.startsWith(SQL)) {
        assertThat(texts.get(i - 1)).as("what stands before " + text).startsWith(WORDS);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("everyNote")
  void everyStatementAnswers(Path note) throws IOException {
    for (String text : texts(note)) {
      if (!text.startsWith(SQL)) {
        continue;
      }
      String sql = text.substring(SQL.length());
      if (note.getFileName().toString().startsWith("0_") && sql.contains("CREATE")) {
        assertThat(sql).isEqualTo(Files.readString(Path.of("conf/views.sql")));
        continue;
      }
      assertThat(sql.lines().count()).as(sql).isLessThanOrEqualTo(MOST_LINES);
      assertThat(SPARK.sql(sql).collectAsList()).as(sql).isNotEmpty();
    }
  }

  /** A plot names columns that its statement returns, at their places. */
  @ParameterizedTest
  @MethodSource("everyNote")
  void everyPlotIsOfItsStatement(Path note) {
    for (JsonNode paragraph : read(note).get("paragraphs")) {
      JsonNode graph = paragraph.path("config").path("results").path("0").path("graph");
      if (graph.isMissingNode()) {
        continue;
      }
      String sql = paragraph.get("text").asText().substring(SQL.length());
      List<String> columns = List.of(SPARK.sql(sql).columns());
      for (String part : List.of("keys", "groups", "values")) {
        assertThat(graph.get(part)).as(part + " of " + sql).isNotEmpty();
        for (JsonNode column : graph.get(part)) {
          assertThat(columns.get(column.get("index").asInt()))
              .isEqualTo(column.get("name").asText());
        }
      }
    }
  }

  private static List<String> texts(Path note) {
    List<String> texts = new ArrayList<>();
    read(note).get("paragraphs").forEach(paragraph -> texts.add(paragraph.get("text").asText()));
    return texts;
  }

  private static List<String> names(JsonNode node) {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private static JsonNode read(Path note) {
    try {
      return new JsonMapper().readTree(Files.readString(note));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
