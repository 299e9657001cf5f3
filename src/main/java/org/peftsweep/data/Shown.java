package org.peftsweep.data;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.commons.lang3.StringUtils;

/**
 * What a user or a file says, as messages may repeat it: on one line, not too long, without
 * passwords.
 */
public final class Shown {
  private static final int LONGEST = 200;
  private static final int LONGEST_VALUE = 80;
  private static final int LONGEST_SENTENCE = 4_000;

  /** Breaks of lines, control and formatting characters, and halves of a character. */
  private static final Pattern CONTROL =
      Pattern.compile("[\\p{Cntrl}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]+");

  /** The same, and blanks but the plain one. */
  private static final Pattern UNSEEN =
      Pattern.compile("[\\p{Cntrl}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}\\p{Zs}&&[^ ]]");

  /** A port and a path with an at sign are no password. */
  private static final Pattern PASSWORD = Pattern.compile("(://[^/@:]*):(?![0-9]+/)[^\\v]*@");

  /** Signatures and tokens in the query of an address. */
  private static final Pattern KEY =
      Pattern.compile("(?i)([?&;][^=&\\s]*(?:passw|secret|token|sig|key)[^=&\\s]*=)[^&\\s]+");

  private static final String HIDDEN = "***";

  private Shown() {}

  /** Returns the name of a place on one line, cut in the middle. */
  public static String of(String place) {
    return StringUtils.normalizeSpace(line(place, LONGEST));
  }

  /** Returns a value on one line, cut at its end. */
  public static String value(String value) {
    String start = value.length() > 2 * LONGEST ? value.substring(0, 2 * LONGEST) : value;
    return StringUtils.abbreviate(line(start, start.length() + 1), "…", LONGEST_VALUE);
  }

  /**
   * Returns what a file says as it is to stand in quotes, so that it can be told from what it looks
   * like: but for the plain blank, what takes no ink is written as an escape. Cut at its end.
   */
  public static String exact(String text) {
    String start = text.length() > LONGEST ? text.substring(0, LONGEST - 1) + "…" : text;
    return UNSEEN
        .matcher(start)
        .replaceAll(one -> Matcher.quoteReplacement(escape(one.group().codePointAt(0))));
  }

  /**
   * Returns a name that a file has, in quotes where it would else look like another, or like more
   * than one.
   */
  public static String name(String name) {
    String exact = exact(name);
    boolean isPlain =
        !exact.isEmpty()
            && exact.equals(name)
            && exact.equals(StringUtils.normalizeSpace(name))
            && name.indexOf(',') < 0;
    return isPlain ? name : '"' + exact + '"';
  }

  /** Returns names as a list, cut at its end. */
  public static String names(Collection<String> names) {
    String list = names.stream().map(Shown::name).collect(Collectors.joining(", ", "[", "]"));
    return StringUtils.abbreviate(list, "…", LONGEST);
  }

  /** Returns what one may choose from, such as {@code a, b or c}. */
  public static String choice(List<String> choices) {
    int last = choices.size() - 1;
    return last < 1
        ? String.join("", choices)
        : String.join(", ", choices.subList(0, last)) + " or " + choices.get(last);
  }

  /** Returns a character that cannot be seen, or is no plain blank, so that it can. */
  public static String escape(int character) {
    return switch (character) {
      case '\t' -> "\\t";
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      default -> String.format(Locale.ROOT, "\\u%04x", character);
    };
  }

  /** Returns a whole message on one line; what it quotes is cut where it is far too long. */
  public static String sentence(String message) {
    return line(message, LONGEST_SENTENCE);
  }

  /** Returns messages, a line each, without passwords and what a terminal would obey. */
  public static String sentences(String messages) {
    return messages.lines().map(Shown::sentence).collect(Collectors.joining("\n"));
  }

  private static String line(String text, int longest) {
    String some = StringUtils.abbreviateMiddle(text, "…", 2 * longest);
    String line = CONTROL.matcher(withoutPasswords(some)).replaceAll(" ").strip();
    return StringUtils.abbreviateMiddle(line, "…", longest);
  }

  /** Whether an address has a password in it. */
  public static boolean hasPassword(String address) {
    return PASSWORD.matcher(address).find() || KEY.matcher(address).find();
  }

  /** Returns a text in which the passwords of all addresses are hidden. */
  public static String withoutPasswords(String text) {
    String hidden = PASSWORD.matcher(text).replaceAll("$1:" + HIDDEN + "@");
    return KEY.matcher(hidden).replaceAll(key -> Matcher.quoteReplacement(key.group(1)) + HIDDEN);
  }
}
