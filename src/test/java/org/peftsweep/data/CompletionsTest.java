package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;
import org.peftsweep.data.Completion.Form;
import org.peftsweep.data.Completion.LossOn;

/** Texts to be written: how they are read and cut into tokens, and how answers are scored. */
class CompletionsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ROWS = 25;
  private static final String[] PIECES = {
    "why",
    "\u00fcber",
    "\u4f60\u597d",
    "\"quoted\"",
    "a,b",
    "line\nbreak",
    "{{ x }}",
    "[1, 2]",
    "C:\\",
    "'",
    "\uD83D\uDE00",
    "12.5",
    "\t",
    "</s>"
  };

  @TempDir Path folder;

  private static Task task(Form form) {
    List<String> columns =
        switch (form) {
          case PROMPT -> List.of("instruction", "input");
          case MESSAGES -> List.of("messages");
          default -> List.of("text");
        };
    return new Task(
        "mine",
        columns,
        form == Form.PROMPT ? "output" : "",
        List.of(),
        List.of(Metric.TOKEN_ACCURACY),
        List.of("dev"),
        false,
        0,
        new Completion(form, LossOn.COMPLETIONS, 8, 0, 1));
  }

  private static String text(SplittableRandom random) {
    List<String> words = new ArrayList<>();
    for (int i = random.nextInt(1, 6); i > 0; i--) {
      words.add(PIECES[random.nextInt(PIECES.length)]);
    }
    return "x " + String.join(" ", words) + " y";
  }

  private List<Example> read(Form form, String name, String content) throws IOException {
    Path own = Files.createDirectories(folder.resolve("mine"));
    Files.writeString(own.resolve(name), content);
    return new DatasetReader(new Configuration(), false)
        .read(task(form), folder.toString(), Split.TRAIN, "")
        .examples();
  }

  private static String csv(String field) {
    return "\"" + field.replace("\"", "\"\"") + "\"";
  }

  @ParameterizedTest
  @ValueSource(strings = {"train.jsonl", "train.json", "train.csv"})
  void promptsOfAllFilesReadTheSame(String name) throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    List<String> lines = new ArrayList<>();
    List<Example> wanted = new ArrayList<>();
    if (name.endsWith("csv")) {
      lines.add("instruction,input,output");
    }
    for (int i = 0; i < ROWS; i++) {
      String instruction = text(random);
      String input = i % 3 == 0 ? "" : text(random);
      String output = text(random);
      lines.add(
          name.endsWith("csv")
              ? csv(instruction) + "," + csv(input) + "," + csv(output)
              : JSON.writeValueAsString(
                  Map.of("instruction", instruction, "input", input, "output", output)));
      String prompt = input.isEmpty() ? instruction : instruction + "\n" + input;
      wanted.add(new Example(i, prompt, output, 0));
    }
    String whole =
        name.endsWith(".json") ? "[" + String.join(",", lines) + "]" : String.join("\n", lines);
    assertThat(read(Form.PROMPT, name, whole)).isEqualTo(wanted);
  }

  @Test
  void messagesOfAllFilesReadTheSame() throws IOException {
    SplittableRandom random = new SplittableRandom(4);
    List<List<Message>> wanted = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      List<Message> one = new ArrayList<>(List.of(new Message("user", text(random))));
      for (int turn = random.nextInt(3); turn >= 0; turn--) {
        one.add(new Message("assistant", text(random)));
        one.add(new Message("user", text(random)));
      }
      wanted.add(one);
    }
    List<String> lines = new ArrayList<>();
    List<String> fields = new ArrayList<>(List.of("id,messages"));
    for (List<Message> one : wanted) {
      String list = JSON.writeValueAsString(one);
      lines.add("{\"id\": 1, \"messages\": " + list + ", \"more\": [{\"a\": 1}]}");
      fields.add("1," + csv(list));
    }
    assertThat(conversations("train.jsonl", String.join("\n", lines))).isEqualTo(wanted);
    assertThat(conversations("train.csv", String.join("\n", fields))).isEqualTo(wanted);
    for (String schema :
        List.of(
            "optional group messages (LIST) { repeated group list { optional group element {"
                + " optional binary content (UTF8); optional binary role (UTF8); } } }",
            "optional group messages (LIST) { repeated group array {"
                + " optional binary role (UTF8); optional binary content (UTF8); } }")) {
      writeParquet(schema, wanted);
      List<Example> rows =
          new DatasetReader(new Configuration(), false)
              .read(task(Form.MESSAGES), folder.toString(), Split.TRAIN, "")
              .examples();
      assertThat(rows.stream().map(row -> Message.parse(row.first())).toList()).isEqualTo(wanted);
    }
  }

  private List<List<Message>> conversations(String name, String content) throws IOException {
    List<Example> rows = read(Form.MESSAGES, name, content);
    Files.delete(folder.resolve("mine").resolve(name));
    return rows.stream().map(row -> Message.parse(row.first())).toList();
  }

  private void writeParquet(String field, List<List<Message>> all) throws IOException {
    MessageType schema = MessageTypeParser.parseMessageType("message rows { " + field + " }");
    Path file = folder.resolve("mine/train.parquet");
    Files.deleteIfExists(file);
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(new org.apache.hadoop.fs.Path(file.toString()))
            .withType(schema)
            .build()) {
      for (List<Message> one : all) {
        Group row = new SimpleGroupFactory(schema).newGroup();
        Group list = row.addGroup(0);
        for (Message message : one) {
          Group element = list.addGroup(0);
          if (field.contains("element")) {
            element = element.addGroup(0);
          }
          element.add("role", message.role());
          element.add("content", message.content());
        }
        writer.write(row);
      }
    }
    Files.deleteIfExists(folder.resolve("mine/.train.parquet.crc"));
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "MESSAGES|{\"messages\": []}|its messages are no list, or an empty one",
        "MESSAGES|{\"messages\": \"hello\"}|its messages are not JSON",
        "MESSAGES|{\"messages\": [{\"role\": \"user\"}]}|message 1 lacks a role or a content",
        "MESSAGES|{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}|has the role assistant",
        "MESSAGES|{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}|its first message",
        "MESSAGES|{\"other\": 1}|column messages holds no text",
        "PROMPT|{\"instruction\": \"a\", \"input\": \"\"}|column output holds no text",
        "PROMPT|{\"instruction\": \"a\", \"input\": \"\", \"output\": \"\"}|output holds no text",
        "PROMPT|{\"instruction\": \"a\", \"input\": \"\", \"output\": [1]}|holds a list, not a text",
        "PROMPT|{\"instruction\": \"\", \"input\": \"\", \"output\": \"b\"}|instruction is empty",
        "TEXT|{\"text\": 7}|column text holds a number, not a text",
      })
  void badRowsAreRefusedByPlace(Form form, String row, String reason) {
    assertThatThrownBy(() -> read(form, "train.jsonl", row))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("train.jsonl:1: ")
        .hasMessageContaining(reason);
  }

  /** What is to be written is told apart whatever stands at its seam. */
  @ParameterizedTest
  @ValueSource(strings = {"llama2", "roberta-base"})
  void aPromptIsCutAsItIsBeforeAnAnswer(String name) {
    Path given = TestFolders.shared("tokenizers").resolve(name);
    try (Tokenizer tokenizer = Tokenizer.open(given)) {
      SplittableRandom random = new SplittableRandom(5);
      String[] seams = {"", " ", "\n", ": ", "\n### Answer:\n", "."};
      List<Example> rows =
          IntStream.range(0, 60)
              .mapToObj(
                  i ->
                      new Example(
                          i, text(random) + seams[i % seams.length], i % 2 + text(random), 0))
              .toList();
      for (TokenizedExample row :
          Completions.of(rows, task(Form.PROMPT), "train", tokenizer, 4096)) {
        Example example = rows.get(row.index());
        int[] prompt = tokenizer.prompt(example.first());
        int[] ids = row.encoded().ids();
        int from = 0;
        while (row.encoded().typeIds()[from] == 0) {
          from++;
        }
        assertThat(Arrays.copyOf(ids, from)).isEqualTo(Arrays.copyOf(prompt, from));
        assertThat(prompt.length - from).as("tokens across the seam").isBetween(0, 2);
        assertThat(ids[ids.length - 1]).isEqualTo(tokenizer.endId().orElseThrow());
        assertThat(row.answer()).isEqualTo(example.second());
        assertThat(Arrays.stream(row.encoded().typeIds()).skip(from)).allMatch(type -> type == 1);
        TokenizedExample cut =
            Completions.of(List.of(example), task(Form.PROMPT), "train", tokenizer, 9).get(0);
        assertThat(cut.encoded().ids()).isEqualTo(Arrays.copyOf(ids, Math.min(9, ids.length)));
      }
    }
  }

  @Test
  void everyAnswerOfAConversationIsToBeWrittenAndNothingElse() {
    Tokenizer tokenizer = chatting();
    List<Message> messages =
        List.of(
            new Message("system", "be brief"),
            new Message("user", "one"),
            new Message("assistant", "first answer"),
            new Message("user", "two"),
            new Message("assistant", "second"));
    Example row = new Example(0, json(messages), null, 0);
    TokenizedExample cut =
        Completions.of(List.of(row), task(Form.MESSAGES), "train", tokenizer, 400).get(0);
    StringBuilder written = new StringBuilder();
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < cut.encoded().tokens(); i++) {
      String token = tokenizer.decode(new int[] {cut.encoded().ids()[i]});
      (cut.encoded().typeIds()[i] == 1 ? written : shown).append(token);
    }
    assertThat(written).hasToString("first answer</s>second</s>");
    assertThat(shown)
        .hasToString("[system]be brief</s>[user]one</s>[assistant][user]two</s>[assistant]");
    assertThat(cut.answer()).isEqualTo("second");
    tokenizer.close();
  }

  private static String json(List<Message> messages) {
    try {
      return JSON.writeValueAsString(messages);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private Tokenizer chatting() {
    try {
      Path own = Files.createDirectories(folder.resolve("chatting"));
      Files.writeString(
          own.resolve("tokenizer.json"),
          new BpeTrainer(300, 2).train(List.of("be brief one first answer").stream()));
      Files.writeString(
          own.resolve("tokenizer_config.json"), "{\"eos_token\": {\"content\": \"</s>\"}}");
      Files.writeString(
          own.resolve("chat_template.jinja"),
          """
          {% for m in messages %}
          {{- '[' + m.role + ']' + m.content + eos_token }}
          {%- endfor %}
          {%- if add_generation_prompt %}{{ '[assistant]' }}{% endif %}
          """);
      return Tokenizer.open(own);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest(name = "{0} of {1}: {2} {3} {4} {5}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "Paris|Paris|1|1|1|0",
        "' Paris  '|Paris|1|1|1|0",
        "paris.|Paris|0|1|1|0",
        "the cat sat|a cat sat down|0|0.8|0.571428571428571|0",
        "down sat cat|cat sat down|0|1|0.333333333333333|0",
        "|Paris|0|0|0|0",
        "the|a|0|1|0|0",
        "The total is 1,250.50 dollars|1250.5|0|0|0|1",
        "3 + 4 = 7|#### 7|0|0.5|0.5|1",
        "-3|3|0|1|1|0",
        "it is 5.|5.0|0|0|0.4|1",
        "none|5|0|0|0|0",
      })
  void answersAreScoredAsElsewhere(
      String answer, String wanted, double exact, double f1, double rouge, double numeric) {
    String given = answer == null ? "" : answer;
    assertThat(Metric.EXACT_MATCH.ofText(given, wanted)).isEqualTo(exact);
    assertThat(Metric.TOKEN_F1.ofText(given, wanted)).isCloseTo(f1, within(1e-9));
    assertThat(Metric.ROUGE_L.ofText(given, wanted)).isCloseTo(rouge, within(1e-9));
    assertThat(Metric.NUMERIC.ofText(given, wanted)).isEqualTo(numeric);
  }
}
