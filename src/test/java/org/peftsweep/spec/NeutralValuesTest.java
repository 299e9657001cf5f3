package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Tasks;
import org.peftsweep.method.IST;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;

/** A key that comes to a copy of the schema leaves old trials as they are. */
class NeutralValuesTest {
  private static final Set<Role> QV = EnumSet.of(Role.QUERY, Role.VALUE);

  static List<Trial> trials() {
    Method lora = new LoRA(8, 8, 0.1);
    return List.of(trial(lora), trial(new IST(lora, 0.25, 0.5, 0.25, 3, 10, 10, 16)));
  }

  private static Trial trial(Method method) {
    return new Trial(
        new ModelSource("models/roberta-base", "ab12", false),
        new TaskSource(Tasks.named("rte"), "data/glue", "cd34", 0, 0, 0, false),
        method,
        QV,
        new Rates(1e-4, 4, 1e-4, Rates.Grouping.PAPER),
        new Training(
            20,
            0,
            32,
            1,
            128,
            Padding.MAX,
            1,
            Schedule.LINEAR,
            0,
            1,
            0,
            new AdamW(0.9, 0.99, 1e-8),
            0,
            Training.Precision.FP32),
        0);
  }

  @ParameterizedTest
  @MethodSource("trials")
  void aNewKeyAnywhereLeavesOldJsonAsItIsAndIsReadAsNeutral(Trial trial) {
    ObjectNode old = json(trial.toJson());
    List<String> sections = new ArrayList<>(List.of(""));
    sections(old, "", sections);
    assertThat(sections).contains("method/lora/", "task/task/", "training/", "rates/");
    SplittableRandom random = new SplittableRandom(4);
    for (String section : sections) {
      String key = "key-" + random.nextInt(1000);
      JsonNode neutral = random.nextBoolean() ? IntNode.valueOf(3) : TextNode.valueOf("none");
      NeutralValues schema = new NeutralValues(Map.of(section + key, neutral));

      ObjectNode filled = old.deepCopy();
      schema.fillIn(filled);
      assertThat(filled).as(section).isNotEqualTo(old);
      ObjectNode written = filled.deepCopy();
      schema.leaveOut(written);
      assertThat(written).as(section).isEqualTo(old);

      ObjectNode other = json(filled.toString().replace(quoted(key, neutral), quoted(key, 4)));
      ObjectNode kept = other.deepCopy();
      schema.leaveOut(kept);
      assertThat(kept).as("another value in " + section).isEqualTo(other).isNotEqualTo(old);
    }
  }

  @Test
  void whatIsNotThereIsNotMade() {
    NeutralValues schema = new NeutralValues(Map.of("method/dora/key", IntNode.valueOf(1)));
    for (Trial trial : trials()) {
      ObjectNode tree = json(trial.toJson());
      schema.fillIn(tree);
      assertThat(tree).isEqualTo(json(trial.toJson()));
    }
  }

  private static void sections(ObjectNode node, String path, List<String> sections) {
    node.properties()
        .forEach(
            entry -> {
              if (entry.getValue() instanceof ObjectNode inner) {
                // A method over which a plug-in is has its own id in the plug-in's section.
                String below =
                    entry.getKey().equals("over") ? "method/" : path + entry.getKey() + "/";
                sections.add(below + (inner.has("id") ? inner.get("id").asText() + "/" : ""));
                sections(inner, below, sections);
              }
            });
  }

  private static String quoted(String key, Object value) {
    return '"' + key + "\":" + value;
  }

  private static ObjectNode json(String text) {
    try {
      return (ObjectNode) new ObjectMapper().readTree(text);
    } catch (java.io.IOException e) {
      throw new AssertionError(e);
    }
  }
}
