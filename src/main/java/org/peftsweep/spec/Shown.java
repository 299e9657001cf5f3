package org.peftsweep.spec;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.lang3.StringUtils;

/** What a user typed, as messages may repeat it: on one line, not too long, without passwords. */
public final class Shown {
  private static final int LONGEST = 200;

  /** A port and a path with an at sign are no password. */
  private static final Pattern PASSWORD = Pattern.compile("(://[^/@:]*):(?![0-9]+/)[^\\v]*@");

  /** Signatures and tokens in the query of an address. */
  private static final Pattern KEY =
      Pattern.compile("(?i)([?&;][^=&\\s]*(?:passw|secret|token|sig|key)[^=&\\s]*=)[^&\\s]+");

  private static final String HIDDEN = "***";

  private Shown() {}

  /** Returns a text on one line, cut in the middle. */
  public static String of(String text) {
    return StringUtils.abbreviateMiddle(StringUtils.normalizeSpace(sentences(text)), "…", LONGEST);
  }

  /** Returns a message, whose lines stay, without passwords and what a terminal would obey. */
  public static String sentences(String message) {
    return withoutPasswords(message).replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Zl}\\p{Zp}&&[^\n]]+", " ");
  }

  /** Whether an address has a password in it. */
  static boolean hasPassword(String address) {
    return PASSWORD.matcher(address).find() || KEY.matcher(address).find();
  }

  /** Returns a text in which the passwords of all addresses are hidden. */
  public static String withoutPasswords(String text) {
    String hidden = PASSWORD.matcher(text).replaceAll("$1:" + HIDDEN + "@");
    return KEY.matcher(hidden).replaceAll(key -> Matcher.quoteReplacement(key.group(1)) + HIDDEN);
  }
}
