package org.peftsweep.data;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The template by which a model's tokenizer writes a conversation as one text, in the dialect of
 * Jinja that Hugging Face's transformers render: blocks take the line break after them and the
 * blanks before them, and methods are Python's. The clock is not to be had, so that a text is the
 * same every day.
 */
public final class ChatTemplate {
  /** Thrown within a template by its own function. */
  private static final class RaisedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    RaisedException(String message) {
      super(message);
    }
  }

  private static final int LONGEST = 1 << 22;

  private static final Jinjava JINJA = jinja();

  private final String template;
  private final Map<String, String> tokens;
  private final String place;

  /**
   * Makes one.
   *
   * @param template its text
   * @param tokens names of special tokens by what they are, such as {@code bos_token}
   * @param place where it stands
   */
  ChatTemplate(String template, Map<String, String> tokens, String place) {
    this.template = JinjaDialect.plain(template);
    this.tokens = tokens;
    this.place = place;
  }

  private static Jinjava jinja() {
    JinjavaConfig.Builder config =
        JinjavaConfig.newBuilder()
            .withMaxOutputSize(LONGEST)
            .withMaxRenderDepth(20)
            .withNestedInterpretationEnabled(false)
            .withDisabled(Map.of(Library.TAG, Set.of("include", "import", "from", "extends")))
            .withElResolver(JinjaDialect.resolver())
            .withObjectMapper(JinjaDialect.json())
            .withLegacyOverrides(
                LegacyOverrides.newBuilder()
                    .withEvaluateMapKeys(true)
                    .withIterateOverMapKeys(true)
                    .withUsePyishObjectMapper(true)
                    .withUseNaturalOperatorPrecedence(true)
                    .withKeepNullableLoopValues(true)
                    .build());
    Jinjava made = new Jinjava(config.build());
    made.getGlobalContext()
        .registerFunction(
            new ELFunctionDefinition(
                "", "raise_exception", ChatTemplate.class, "raise", String.class));
    return made;
  }

  /** What templates call where a conversation does not suit them. */
  public static String raise(String message) {
    throw new RaisedException(message);
  }

  /**
   * Writes a conversation.
   *
   * @param asks whether what begins the model's next answer follows
   * @param what messages call it
   * @throws DataException if the template refuses it or cannot be used
   */
  public String render(List<Message> messages, boolean asks, String what) {
    List<Map<String, String>> list = new ArrayList<>();
    for (Message message : messages) {
      Map<String, String> entries = new LinkedHashMap<>();
      entries.put("role", message.role());
      entries.put("content", message.content());
      list.add(entries);
    }
    Map<String, Object> context = new HashMap<>(tokens);
    context.put("messages", list);
    context.put("add_generation_prompt", asks);
    RenderResult result = JINJA.renderForResult(template, context);
    if (!result.getErrors().isEmpty()) {
      throw new DataException(
          "Cannot write "
              + what
              + " of the roles "
              + messages.stream().map(Message::role).distinct().toList()
              + " by the chat template of "
              + place
              + ": "
              + reason(result.getErrors().get(0))
              + "; give conversations that it takes, or a text column");
    }
    return result.getOutput();
  }

  /** What the template itself says, or the part of it that cannot be followed. */
  private static String reason(TemplateError error) {
    for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
      if (cause instanceof RaisedException) {
        return "it says \"" + Shown.of(cause.getMessage()) + "\"";
      }
    }
    return error.getFieldName() == null
        ? "it cannot be followed"
        : "it cannot be followed at \"" + Shown.of(error.getFieldName()) + "\"";
  }
}
