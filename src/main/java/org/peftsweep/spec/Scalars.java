package org.peftsweep.spec;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.commons.lang3.StringUtils;
import org.apache.commons.text.similarity.LevenshteinDistance;
import org.peftsweep.data.Shown;
import org.peftsweep.method.Settings;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Turns a YAML scalar, or a list of them, into what a key asks for, or says why not. Nothing is
 * converted silently: 4.7 is no whole number, "8" in quotes no number, and {@code no} without
 * quotes no word.
 */
final class Scalars {
  private static final Pattern WHOLE = Pattern.compile("[-+]?(0|[1-9][0-9]*)");
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)?");

  /** From how many on choices are not listed in full. */
  private static final int MANY = 15;

  /** Letters by which a slip may differ. */
  private static final int SLIP = 2;

  /** In characters; longer ones cost time and say nothing. */
  private static final int LONGEST_NUMBER = 100;

  /** The longest path of common systems. */
  private static final int LONGEST_WORD = 4_096;

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
    } else if (type == Packing.class) {
      return packing(key, value);
    } else if (type == Caching.class) {
      return caching(key, value);
    } else if (type == Roles.class) {
      return value instanceof Value.Items ? Roles.of(roles(key, value)) : joinedRoles(key, value);
    } else if (type.isEnum()) {
      return constant(type, key, value);
    }
    throw new IllegalStateException("Cannot read a " + type + " from a sweep file");
  }

  static int whole(String key, Value value) {
    return (int) whole(key, value, Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  static long longWhole(String key, Value value) {
    return whole(key, value, Long.MIN_VALUE, Long.MAX_VALUE);
  }

  private static long whole(String key, Value value, long least, long most) {
    String text = plain(key, value, "give a whole number");
    if (text.length() > LONGEST_NUMBER || !WHOLE.matcher(text).matches()) {
      throw cannotUse(key, value, "give a whole number");
    }
    BigInteger number = new BigInteger(text);
    if (number.compareTo(BigInteger.valueOf(most)) > 0) {
      throw cannotUse(key, value, "give a whole number of at most " + most);
    }
    if (number.compareTo(BigInteger.valueOf(least)) < 0) {
      throw cannotUse(key, value, "give a whole number of at least " + least);
    }
    return number.longValue();
  }

  static double number(String key, Value value) {
    String text = plain(key, value, "give a number");
    if (!isNumber(text)) {
      throw cannotUse(key, value, "give a finite number, such as 0.5 or 1e-4");
    }
    double number = Double.parseDouble(text);
    if (Double.isInfinite(number)) {
      throw cannotUse(key, value, "give a finite number, such as 0.5 or 1e-4");
    }
    return number;
  }

  /** The factor of {@code 2r}, 1 of {@code r}; nothing for another text. */
  static Optional<BigDecimal> multiple(Value value, char of) {
    boolean isOne = value instanceof Value.Scalar scalar && scalar.isPlain();
    String text = value.text();
    if (!isOne || text.isEmpty() || text.charAt(text.length() - 1) != of) {
      return Optional.empty();
    }
    String factor = text.substring(0, text.length() - 1);
    if (factor.isEmpty()) {
      return Optional.of(BigDecimal.ONE);
    }
    return isNumber(factor) ? Optional.of(new BigDecimal(factor)) : Optional.empty();
  }

  /** Whether a text is a number as sweep files have them: neither hexadecimal nor with a letter. */
  static boolean isNumber(String text) {
    return text.length() <= LONGEST_NUMBER && NUMBER.matcher(text).matches();
  }

  static double positive(String key, Value value) {
    double number = number(key, value);
    checked(key, value, () -> Settings.positive(key, number));
    return number;
  }

  /** Puts into a refusal of {@link Settings} what the file says and where. */
  static void checked(String key, Value value, Runnable check) {
    try {
      check.run();
    } catch (IllegalArgumentException e) {
      throw cannotUse(key, value, instead(e.getMessage()));
    }
  }

  /** What a refusal says to do. */
  static String instead(String refusal) {
    return refusal.substring(refusal.indexOf(": ") + 2);
  }

  static boolean flag(String key, Value value) {
    String text = plain(key, value, "choose true or false");
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw cannotUse(key, value, "choose true or false");
    };
  }

  /** YAML takes off for a truth value. */
  private static Packing packing(String key, Value value) {
    try {
      return Packing.of(scalar(key, value, "give auto, off, or a number from 2 to 99").text());
    } catch (IllegalArgumentException e) {
      throw cannotUse(key, value, instead(e.getMessage()));
    }
  }

  private static Caching caching(String key, Value value) {
    try {
      return Caching.of(scalar(key, value, "choose off or frozen-prefix").text());
    } catch (IllegalArgumentException e) {
      throw cannotUse(key, value, instead(e.getMessage()));
    }
  }

  /** The items of a list that must not be empty or hold anything twice. */
  static List<Value> items(String key, Value value) {
    if (!(value instanceof Value.Items list)) {
      throw cannotUse(key, value, "give a list, such as [" + shown(value) + "]");
    }
    if (list.items().isEmpty()) {
      throw cannotUse(key, value, "give at least one value");
    }
    Set<String> met = new LinkedHashSet<>();
    for (Value item : list.items()) {
      if (!(item instanceof Value.Section) && !met.add(item.text())) {
        throw new SpecException(
            "Cannot use "
                + key
                + " = "
                + shown(item)
                + " twice in "
                + item.place()
                + ": leave one out");
      }
    }
    return list.items();
  }

  /** The roles of a list. */
  static Set<Role> roles(String key, Value value) {
    Map<String, Role> byId = new LinkedHashMap<>();
    Roles.OF_MATRICES.forEach(role -> byId.put(role.id(), role));
    Set<Role> roles = EnumSet.noneOf(Role.class);
    for (Value role : items(key, value)) {
      roles.add(byId.get(choice(key, role, byId.keySet())));
    }
    return roles;
  }

  private static Roles joinedRoles(String key, Value value) {
    try {
      return Roles.of(value.text());
    } catch (IllegalArgumentException e) {
      // The text itself may have a colon.
      String refusal = e.getMessage();
      throw cannotUse(key, value, refusal.substring(refusal.lastIndexOf(": ") + 2));
    }
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
    if (scalar.text().length() > LONGEST_WORD) {
      throw cannotUse(key, value, "give at most " + LONGEST_WORD + " characters");
    }
    return scalar.text();
  }

  /** The value as it is written, whatever YAML takes it for. */
  static String text(String key, Value value) {
    String text = scalar(key, value, "give one word").text();
    if (text.isBlank()) {
      throw cannotUse(key, value, "give a word");
    }
    return text;
  }

  static String choice(String key, Value value, Collection<String> choices) {
    boolean isOne = value instanceof Value.Scalar scalar && !scalar.isNothing();
    if (!isOne || !choices.contains(value.text())) {
      throw cannotUse(key, value, choose(value.text(), choices));
    }
    return value.text();
  }

  static Object constant(Class<?> type, String key, Value value) {
    Object[] constants = type.getEnumConstants();
    List<String> names = Arrays.stream(constants).map(Scalars::name).toList();
    return constants[names.indexOf(choice(key, value, names))];
  }

  /** All choices; where there are many, those that the text may be a slip of. */
  static String choose(String text, Collection<String> choices) {
    return choose(text, choices, choices);
  }

  /** The same with other words for a full list. */
  static String choose(String text, Collection<String> choices, Collection<String> listed) {
    String seen = visible(text);
    if (choices.contains(seen) && !choices.contains(text)) {
      return leaveOut(text, seen);
    }
    LevenshteinDistance distance = new LevenshteinDistance(SLIP);
    List<String> near =
        choices.stream().filter(choice -> distance.apply(text, choice) >= 0).toList();
    return choices.size() >= MANY && !near.isEmpty()
        ? "did you mean " + Shown.choice(near)
        : "choose " + Shown.choice(List.copyOf(listed));
  }

  static SpecException cannotUse(String key, Value value, String instead) {
    return new SpecException("Cannot use " + said(key, value) + ": " + instead);
  }

  /** What the file says: {@code rank = 4.7 in conf/mine.yaml:12}. */
  static String said(String key, Value value) {
    boolean isNothing = value instanceof Value.Scalar scalar && scalar.isNothing();
    return key + (isNothing ? " without a value" : " = " + shown(value)) + " in " + value.place();
  }

  /** On one line and not too long. */
  static String shown(Value value) {
    boolean isQuoted = value instanceof Value.Scalar scalar && !scalar.isPlain();
    if (!isQuoted) {
      return shown(value.text());
    }
    String inner = StringUtils.strip(value.text(), " ");
    int before = value.text().indexOf(inner);
    int behind = value.text().length() - before - inner.length();
    return '"' + blanks(before) + shown(inner) + (inner.isEmpty() ? "" : blanks(behind)) + '"';
  }

  /** The same of a text, in which what looks like a blank or like nothing is told. */
  static String shown(String text) {
    String seen = visible(text);
    int start = text.indexOf(seen);
    StringBuilder told = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean isHidden = i < start || i >= start + seen.length();
      boolean isOdd = c != ' ' && (isHidden ? !seen.isEmpty() : Character.isSpaceChar(c));
      told.append(isOdd ? Shown.escape(c) : String.valueOf(c));
    }
    return Shown.value(told.toString());
  }

  private static String blanks(int count) {
    return " ".repeat(Math.min(count, SLIP));
  }

  /** A text without what cannot be seen at its ends. */
  private static String visible(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isInvisible(text.charAt(start))) {
      start++;
    }
    while (end > start && isInvisible(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  private static boolean isInvisible(char c) {
    return Character.isWhitespace(c)
        || Character.isSpaceChar(c)
        || Character.isISOControl(c)
        || Character.getType(c) == Character.FORMAT;
  }

  private static String leaveOut(String text, String seen) {
    boolean isBefore = isInvisible(text.charAt(0));
    boolean isBehind = isInvisible(text.charAt(text.length() - 1));
    char c = text.charAt(isBefore ? 0 : text.length() - 1);
    return "leave out "
        + (c == ' ' ? "the blank" : String.format("the character U+%04X", (int) c))
        + (isBefore && isBehind ? " on both sides of " : isBefore ? " before " : " behind ")
        + seen;
  }

  private static String name(Object constant) {
    return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static String plain(String key, Value value, String instead) {
    Value.Scalar scalar = scalar(key, value, instead);
    if (!scalar.isPlain()) {
      throw cannotUse(key, value, instead + " without quotes");
    }
    return scalar.text();
  }

  private static Value.Scalar scalar(String key, Value value, String instead) {
    if (value instanceof Value.Scalar scalar && !scalar.isNothing()) {
      return scalar;
    }
    throw cannotUse(key, value, instead);
  }
}
