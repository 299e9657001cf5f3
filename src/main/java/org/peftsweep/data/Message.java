package org.peftsweep.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;

/**
 * One turn of a conversation.
 *
 * @param role who speaks: {@code system}, {@code user}, {@code assistant} or another
 * @param content what is said
 */
public record Message(String role, String content) {
  /** Who is to be learned from. */
  public static final String ASSISTANT = "assistant";

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Whether it is the model's own. */
  boolean isAnswer() {
    return role.equals(ASSISTANT);
  }

  /**
   * Reads a JSON list of objects with {@code role} and {@code content}.
   *
   * @throws IllegalArgumentException saying what is wrong with it
   */
  static List<Message> parse(String json) {
    JsonNode list;
    try {
      list = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("its messages are not JSON", e);
    }
    if (list == null || !list.isArray() || list.isEmpty()) {
      throw new IllegalArgumentException("its messages are no list, or an empty one");
    }
    List<Message> messages = new ArrayList<>();
    for (JsonNode each : list) {
      JsonNode role = each.path("role");
      JsonNode content = each.path("content");
      if (!role.isTextual() || !content.isTextual()) {
        throw new IllegalArgumentException(
            "message " + (messages.size() + 1) + " lacks a role or a content that is a text");
      }
      messages.add(new Message(role.textValue(), content.textValue()));
    }
    return messages;
  }

  /**
   * Reads messages to learn from.
   *
   * @throws IllegalArgumentException saying what is wrong with them
   */
  static List<Message> parseWithAnswer(String json) {
    List<Message> messages = parse(json);
    if (messages.stream().noneMatch(Message::isAnswer)) {
      throw new IllegalArgumentException("none of its messages has the role " + ASSISTANT);
    }
    if (messages.get(0).isAnswer()) {
      throw new IllegalArgumentException("its first message is the " + ASSISTANT + "'s");
    }
    return messages;
  }
}
