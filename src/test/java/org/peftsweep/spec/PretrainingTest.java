package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PretrainingTest {
  @ParameterizedTest
  @ValueSource(strings = {"mini", "glue"})
  void readsTheFilesThatShip(String name) {
    Pretraining settings =
        Pretraining.read("conf/pretrain-" + name + ".yaml", TextSource.files(new Configuration()));
    assertThat(settings.model().hidden()).isEqualTo(128);
    assertThat(settings.isBuiltIn()).isEqualTo(name.equals("mini"));
    assertThat(settings.tasks().isEmpty()).isEqualTo(name.equals("mini"));
  }

  @Test
  void readsWhatADecoderIsMadeBy() throws IOException {
    String text = Files.readString(Path.of("conf/pretrain-mini-causal.yaml"));
    Pretraining settings = Pretraining.read("m.yaml", location -> Optional.of(text));
    assertThat(settings.objective()).isEqualTo(Pretraining.Objective.CAUSAL);
    for (String hidden : List.of("mask-fraction: 0.2", "mask-fraction: 0.9")) {
      String changed = text.replace("mask-fraction: 0 ", hidden + " ");
      assertThatThrownBy(() -> Pretraining.read("m.yaml", location -> Optional.of(changed)))
          .hasMessageMatching(
              "Cannot use mask-fraction = .* with objective = causal in m.yaml: give 0");
    }
    String unhidden =
        Files.readString(Path.of("conf/pretrain-mini.yaml"))
            .replace("mask-fraction: 0.2", "mask-fraction: 0");
    assertThatThrownBy(() -> Pretraining.read("m.yaml", location -> Optional.of(unhidden)))
        .hasMessageContaining("with objective = masked in m.yaml: give a number above 0");
  }

  @ParameterizedTest(name = "{1} for {0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "heads: 4 | heads: 5 | Cannot use heads = 5",
        "steps: 12000 | steps: 1.5 | Cannot use steps = 1.5 in mini.yaml:14: give a whole number",
        "seed: 0 | sede: 0 | Cannot use the key sede in mini.yaml:26",
        "text: builtin | text: [] | Cannot use text = [] in mini.yaml:3: give at least one value",
        "vocabulary: 1000 | vocabulary: 12 | Cannot use vocabulary = 12",
        "positions: 64 | positions: 16 | Cannot use max-tokens = 48",
        "name: mini | name: mini\\ntasks: [rte] | give one of the keys text and tasks",
        "text: builtin | tasks: [rte, foo]\\ndata: x | Cannot use tasks = foo in mini.yaml:3: ",
        "text: builtin | tasks: rte2\\ndata: x | Cannot use tasks = rte2 in mini.yaml:3: did you mean ",
        "text: builtin | tasks: [0x8]\\ndata: x | Cannot use tasks = 0x8 in mini.yaml:3: ",
        "text: builtin | tasks: []\\ndata: x | Cannot use tasks = [] in mini.yaml:3: give at least",
        "text: builtin | tasks: [rte] | Cannot read mini.yaml: it lacks the key data",
        "text: builtin | tasks: [rte]\\ndata: [] | Cannot use data = [] in mini.yaml:4: give one word",
        "text: builtin | tasks: [rte]\\ndata: [a, b] | Cannot use data = [a, b] in mini.yaml:4: give one",
        "name: mini | name: ../../x | Cannot use name = ../../x in mini.yaml:2: use lower-case",
        "name: mini | name: /tmp/x | Cannot use name = /tmp/x in mini.yaml:2: use lower-case",
        "name: mini | name: .. | Cannot use name = .. in mini.yaml:2: use lower-case",
        "name: mini | name: a/b | Cannot use name = a/b in mini.yaml:2: use lower-case",
        "name: mini | name: \"mini \" | Cannot use name = \"mini \" in mini.yaml:2: use lower-case"
      })
  void refusesAFaultInOneSentence(String good, String bad, String sentence) throws IOException {
    String text = Files.readString(Path.of("conf/pretrain-mini.yaml"));
    assertThat(text).contains(good);
    String changed = text.replace(good, bad.replace("\\n", "\n"));
    assertThatThrownBy(() -> Pretraining.read("mini.yaml", location -> Optional.of(changed)))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void refusesABatchOfMoreTokensThanCanBeCounted() {
    assertThatThrownBy(
            () ->
                new Pretraining.Course(
                    0.2, 1, 1_000_000, 1_000_000, 0, 1e-3, 0, 0, 1, 0.9, 0.98, 1e-6, 0))
        .hasMessage("Cannot use batch = 1000000: give at most 2147 with max-tokens = 1000000");
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    assertThatThrownBy(() -> Pretraining.read("none.yaml", location -> Optional.empty()))
        .hasMessage("Cannot read the pretraining file none.yaml: there is no such file");
  }
}
