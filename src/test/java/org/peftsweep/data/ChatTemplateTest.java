package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Conversations by templates as models have them, as transformers 5.18 writes them. */
class ChatTemplateTest {
  private static final Map<String, String> TOKENS = Map.of("bos_token", "<s>", "eos_token", "</s>");

  @TestFactory
  List<DynamicTest> writesWhatTransformersWrites() throws IOException {
    JsonNode cases;
    try (InputStream in = ChatTemplateTest.class.getResourceAsStream("/chat-templates.json")) {
      cases = new ObjectMapper().readTree(in);
    }
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode one : cases.get("texts")) {
      String name = one.get("template").asText();
      List<Message> messages =
          Message.parse(cases.get("conversations").get(one.get("conversation").asInt()).toString());
      boolean asks = one.get("asks").asBoolean();
      ChatTemplate template =
          new ChatTemplate(cases.get("templates").get(name).asText(), TOKENS, "a folder");
      String title = name + " of conversation " + one.get("conversation") + (asks ? ", asks" : "");
      tests.add(
          DynamicTest.dynamicTest(
              title,
              () -> {
                if (one.get("text").isNull()) {
                  assertThatThrownBy(() -> template.render(messages, asks, "a conversation"))
                      .isInstanceOf(DataException.class)
                      .hasMessageStartingWith("Cannot write a conversation of the roles [");
                } else {
                  assertThat(template.render(messages, asks, "a conversation"))
                      .isEqualTo(one.get("text").asText());
                }
              }));
    }
    assertThat(tests).hasSizeGreaterThan(100);
    return tests;
  }

  /** A template comes with a model, which may be anybody's. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ ''.getClass().forName('java.lang.Runtime').getName() }}",
        "{{ messages.getClass() }}",
        "{{ messages.class.name }}",
        "{{ ''.class.protectionDomain }}",
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as x %}{{ x }}",
        "{{ ____int3rpr3t3r____.config }}",
        "{% for i in range(1, 1000000000) %}{{ messages }}{{ i }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"
      })
  void reachesNothingOfTheMachine(String text) {
    ChatTemplate template = new ChatTemplate(text, TOKENS, "a folder");
    String written;
    try {
      written = template.render(List.of(new Message("user", "hello")), true, "a conversation");
    } catch (DataException refused) {
      assertThat(refused).hasMessageNotContaining("hubspot").hasMessageNotContaining("\n");
      return;
    }
    assertThat(written).doesNotContain("java").doesNotContain("root:").hasSizeLessThan(1 << 22);
  }

  @Test
  void whatAConversationSaysIsNoTemplate() {
    ChatTemplate template = new ChatTemplate("{{ messages[0].content }}", TOKENS, "a folder");
    String said = "{{ 7 * 7 }} {% if x %} {# y #}";
    assertThat(template.render(List.of(new Message("user", said)), false, "a conversation"))
        .isEqualTo(said);
  }
}
