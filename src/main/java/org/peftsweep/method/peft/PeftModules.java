package org.peftsweep.method.peft;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.peftsweep.checkpoint.PeftFolder;

/**
 * The rules by which PEFT finds modules that {@code adapter_config.json} names: whole names or
 * endings in a list, or an expression for the whole name.
 */
final class PeftModules {
  private static final String ALL_LINEAR = "all-linear";
  private static final String TARGETS = "target_modules";
  private static final String LAYERS = "layers_to_transform";

  /** What PEFT adds to the modules to save for a task of this type. */
  private static final List<String> HEADS = List.of("classifier", "score");

  private final PeftFolder adapter;
  private final List<String> saved;

  PeftModules(PeftFolder adapter) {
    this.adapter = adapter;
    List<String> saved = new ArrayList<>(words("modules_to_save"));
    if (adapter.setting("task_type").map(JsonNode::asText).orElse("").equals("SEQ_CLS")) {
      saved.addAll(HEADS);
    }
    this.saved = saved;
  }

  /** Whether the adapter says what it adapts; older ones leave it to their tensors. */
  boolean areNamed() {
    return adapter.setting(TARGETS).isPresent();
  }

  /**
   * Whether a linear module is adapted.
   *
   * @throws IllegalArgumentException naming the setting that cannot be read
   */
  boolean adapts(String module) {
    if (isExcluded(module)) {
      return false;
    }
    JsonNode targets = adapter.setting(TARGETS).orElseThrow();
    if (targets.isTextual()) {
      return targets.textValue().equalsIgnoreCase(ALL_LINEAR)
          || compile(TARGETS, "", targets.textValue(), "").matcher(module).matches();
    }
    List<String> names = words(TARGETS);
    return names.contains(module)
        || names.stream().anyMatch(name -> module.endsWith("." + name)) && isInLayer(module);
  }

  private boolean isExcluded(String module) {
    Optional<JsonNode> excluded = adapter.setting("exclude_modules");
    if (excluded.filter(JsonNode::isTextual).isPresent()) {
      String expression = excluded.get().textValue();
      return !expression.isEmpty()
          && compile("exclude_modules", "", expression, "").matcher(module).matches();
    }
    return words("exclude_modules").stream()
            .anyMatch(name -> module.equals(name) || module.endsWith("." + name))
        || saved.stream()
            .anyMatch(
                name ->
                    compile("modules_to_save", "(^|.*\\.)", name, "($|\\..*)")
                        .matcher(module)
                        .lookingAt());
  }

  private boolean isInLayer(String module) {
    Optional<JsonNode> asked =
        adapter.setting(LAYERS).filter(node -> !node.isArray() || !node.isEmpty());
    if (asked.isEmpty()) {
      return true;
    }
    List<Integer> layers = new ArrayList<>();
    for (JsonNode layer : asked.get().isArray() ? asked.get() : List.of(asked.get())) {
      if (!isWhole(layer)) {
        throw new IllegalArgumentException(LAYERS + " is " + asked.get());
      }
      layers.add(layer.intValue());
    }
    List<String> named = words("layers_pattern");
    String before = named.isEmpty() ? ".*?\\." : "(?:^|.*?\\.)";
    for (String pattern : named.isEmpty() ? List.of("[^.]*") : named) {
      Matcher matcher =
          compile("layers_pattern", before, pattern, "\\.(?<layer>\\d{1,9})\\.").matcher(module);
      if (matcher.lookingAt()) {
        return layers.contains(Integer.valueOf(matcher.group("layer")));
      }
    }
    return false;
  }

  private static boolean isWhole(JsonNode node) {
    return node.isInt();
  }

  /** Whether a module learns as a whole and is stored. */
  boolean saves(String module) {
    for (int end = module.length(); end > 0; end = module.lastIndexOf('.', end - 1)) {
      String path = module.substring(0, end);
      if (saved.stream().anyMatch(path::endsWith)) {
        return true;
      }
    }
    return false;
  }

  /** Returns the value under the first of a map's patterns that fits the end of a name. */
  Optional<JsonNode> ofPattern(String key, String module) {
    Optional<JsonNode> map = adapter.setting(key);
    if (map.isEmpty()) {
      return Optional.empty();
    }
    if (!map.get().isObject()) {
      throw new IllegalArgumentException(key + " is " + map.get());
    }
    return map.get().properties().stream()
        .filter(
            entry -> compile(key, "(.*\\.)?(", entry.getKey(), ")$").matcher(module).lookingAt())
        .map(java.util.Map.Entry::getValue)
        .findFirst();
  }

  /** A word or a list of words; PEFT takes one for the other. */
  private List<String> words(String key) {
    List<String> words = new ArrayList<>();
    JsonNode node = adapter.setting(key).orElse(null);
    if (node != null && node.isTextual()) {
      words.add(node.textValue());
    } else if (node != null) {
      if (!node.isArray()) {
        throw new IllegalArgumentException(key + " is " + node);
      }
      for (JsonNode word : node) {
        if (!word.isTextual()) {
          throw new IllegalArgumentException(key + " is " + node);
        }
        words.add(word.textValue());
      }
    }
    words.removeIf(String::isEmpty);
    return words;
  }

  /** Puts an expression of an adapter into one of PEFT's; Python writes named groups otherwise. */
  private static Pattern compile(String key, String before, String expression, String after) {
    String java = expression.replace("(?P<", "(?<").replaceAll("\\(\\?P=(\\w+)\\)", "\\\\k<$1>");
    try {
      return Pattern.compile(before + java + after);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          key + " holds an expression that cannot be read here, \"" + expression + "\"", e);
    }
  }
}
