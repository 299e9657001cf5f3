package org.peftsweep.spec;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.apache.commons.text.similarity.LevenshteinDistance;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Turns a YAML scalar into what a key asks for, or says why not. Nothing is converted silently: 4.7
 * is no whole number, "8" in quotes no number, and {@code no} without quotes no word.
 */
final class Scalars {
  private static final Pattern WHOLE = Pattern.compile("[-+]?(0|[1-9][0-9]*)");
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)?");

  /** From how many on choices are not listed in full. */
  private static final int MANY = 15;

  private Scalars() {}

  /** The value as a record's component of that type. */
  static Object of(Class<?> type, String key, Value value) {
    if (type == int.class) {
      return whole(key, value);
    } else if (type == long.class) {
      return longWhole(key, value);
    } else if (type == double.class) {
      return number(key, value);
    } else if (type == boolean.class) {
      return flag(key, value);
    } else if (type == String.class) {
      return word(key, value);
    } else if (type.isEnum()) {
      return constant(type, key, value);
    }
    throw new IllegalStateException("Cannot read a " + type + " from a sweep file");
  }

  static int whole(String key, Value value) {
    long number = longWhole(key, value);
    if (number != (int) number) {
      throw cannotUse(key, value, "give a whole number of at most " + Integer.MAX_VALUE);
    }
    return (int) number;
  }

  static long longWhole(String key, Value value) {
    String text = plain(key, value, "give a whole number");
    if (!WHOLE.matcher(text).matches()) {
      throw cannotUse(key, value, "give a whole number");
    }
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw cannotUse(key, value, "give a whole number of at most " + Long.MAX_VALUE);
    }
  }

  static double number(String key, Value value) {
    String text = plain(key, value, "give a number");
    if (!NUMBER.matcher(text).matches()) {
      throw cannotUse(key, value, "give a finite number, such as 0.5 or 1e-4");
    }
    double number = Double.parseDouble(text);
    if (Double.isInfinite(number)) {
      throw cannotUse(key, value, "give a finite number, such as 0.5 or 1e-4");
    }
    return number;
  }

  static double positive(String key, Value value) {
    double number = number(key, value);
    if (number <= 0) {
      throw cannotUse(key, value, "give a number above 0");
    }
    return number;
  }

  static boolean flag(String key, Value value) {
    String text = plain(key, value, "choose true or false");
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw cannotUse(key, value, "choose true or false");
    };
  }

  static String word(String key, Value value) {
    Value.Scalar scalar = scalar(key, value, "give one word");
    if (scalar.tag() != Tag.STR && scalar.tag() != Tag.MERGE) {
      throw cannotUse(
          key, value, "YAML does not take it for a word, put it in quotes if it is meant as one");
    }
    if (scalar.text().isBlank()) {
      throw cannotUse(key, value, "give a word");
    }
    return scalar.text();
  }

  static String choice(String key, Value value, Collection<String> choices) {
    String text = scalar(key, value, choose(value.text(), choices)).text();
    if (!choices.contains(text)) {
      throw cannotUse(key, value, choose(text, choices));
    }
    return text;
  }

  static Object constant(Class<?> type, String key, Value value) {
    Object[] constants = type.getEnumConstants();
    List<String> names = Arrays.stream(constants).map(Scalars::name).toList();
    return constants[names.indexOf(choice(key, value, names))];
  }

  /** All choices, or the nearest three where there are many. */
  static String choose(String text, Collection<String> choices) {
    if (choices.size() < MANY) {
      return "choose " + or(List.copyOf(choices));
    }
    Comparator<String> byDistance =
        Comparator.comparing(
            choice -> LevenshteinDistance.getDefaultInstance().apply(text, choice));
    List<String> nearest = choices.stream().sorted(byDistance).limit(3).toList();
    return "choose one of " + choices.size() + ", the nearest are " + String.join(", ", nearest);
  }

  static SpecException cannotUse(String key, Value value, String instead) {
    return new SpecException(
        "Cannot use " + key + " = " + value.text() + " in " + value.place() + ": " + instead);
  }

  private static String name(Object constant) {
    return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static String or(List<String> choices) {
    int last = choices.size() - 1;
    return last < 1
        ? String.join("", choices)
        : String.join(", ", choices.subList(0, last)) + " or " + choices.get(last);
  }

  private static String plain(String key, Value value, String instead) {
    Value.Scalar scalar = scalar(key, value, instead);
    if (!scalar.isPlain()) {
      throw cannotUse(key, value, instead + " without quotes");
    }
    return scalar.text();
  }

  private static Value.Scalar scalar(String key, Value value, String instead) {
    if (value instanceof Value.Scalar scalar && (!scalar.isPlain() || !scalar.text().isEmpty())) {
      return scalar;
    }
    if (value instanceof Value.Scalar) {
      throw new SpecException(
          "Cannot use " + key + " without a value in " + value.place() + ": " + instead);
    }
    throw cannotUse(key, value, instead);
  }
}
