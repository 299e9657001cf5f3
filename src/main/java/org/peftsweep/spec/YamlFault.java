package org.peftsweep.spec;

import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.peftsweep.data.Shown;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/** Says in what way a text is no YAML, where, and what to write. */
final class YamlFault {
  /**
   * A way to be no YAML.
   *
   * @param sign what the parser says of it, from the start on
   * @param isFromStart whether the quote, list or key must be mended where it begins, not where the
   *     parser gave up
   * @param sentence what is wrong and what to do; $1 is the first group of the sign
   */
  private record Kind(Pattern sign, boolean isFromStart, String sentence) {}

  private static final String QUOTE = " begins no value, put what it belongs to in quotes";
  private static final String ALIGN = "begin all keys, or all items, of one level in one column";

  /** The first whose sign is there holds. */
  private static final List<Kind> KINDS =
      List.of(
          where("found character '\\\\t", "a tab stands where blanks must, write blanks"),
          where("found character '(.)", "$1" + QUOTE),
          where(
              "mapping values are",
              "a ':' cannot stand here, put a value that has one in quotes, and " + ALIGN),
          where("mapping keys are", "?" + QUOTE),
          where("sequence entries are", "a '-' cannot stand here, give each item its own line"),
          fromStart("could not find expected ':'", "a key lacks its ':', write key: value"),
          fromStart("found unexpected ", "the quote that begins here has no end, close it"),
          where(
              "found unknown escape character (.)",
              "there is no escape \\$1, write the text in single quotes, or \\\\ for a backslash"),
          where(
              "expected escape sequence of ([0-9])",
              "the escape lacks some of its $1 hexadecimal digits, write them, or \\\\ for a"
                  + " backslash"),
          where(
              "found (?:incompatible|duplicate) |duplicate tag handle",
              "a line that begins with % is of no use, leave it out"),
          where("but found another document", "a second document begins here, leave it out"),
          fromStart(
              "expected ',' or ']'",
              "the list that begins here has no end, write , between its values and ] behind them"),
          fromStart(
              "expected ',' or '}'",
              "the map that begins here has no end, write , between its keys and } behind them"),
          where(
              "expected the node content, but found '<",
              "the text ends before a value that is due, close each [ and {"),
          where("expected the node content, but found '(.)", "$1" + QUOTE),
          where(
              "expected (?:<block end>|'<document start>'), but found '(?:-|\\?|:|<block)",
              "the line begins in the column of none above it, " + ALIGN),
          where(
              "expected (?:<block end>|'<document start>'), but found",
              "a value ended before this, put the whole of it in quotes"),
          where(
              "expected (?:a comment|chomping|indentation)",
              "no text can stand in the line of | or >, write it on the lines below"));

  /** What was being read, where the kind of a fault does not matter. */
  private static final Pattern SIGIL = Pattern.compile("while scanning an? (alias|anchor|tag|dir)");

  private static final Pattern TAG =
      Pattern.compile("(?:Global tag is not allowed: |found undefined tag handle )(\\S+)");

  private YamlFault() {}

  /**
   * Returns what to throw for a fault of the parser.
   *
   * @param places names the place of a mark
   * @param whole names the text, for a fault without a mark
   */
  static SpecException of(MarkedYAMLException fault, Function<Mark, String> places, String whole) {
    String problem = String.valueOf(fault.getProblem());
    String met = fault.getProblemMark() == null ? whole : places.apply(fault.getProblemMark());
    Matcher tag = TAG.matcher(problem);
    if (tag.lookingAt()) {
      return new SpecException(
          "Cannot use the tag %s in %s: write the value without a tag"
              .formatted(Shown.value(tag.group(1)), met),
          fault);
    }
    Matcher sigil = SIGIL.matcher(String.valueOf(fault.getContext()));
    if (sigil.lookingAt()) {
      return unreadable(met, sigil(sigil.group(1)) + QUOTE, fault);
    }
    for (Kind kind : KINDS) {
      Matcher sign = kind.sign().matcher(problem);
      if (sign.lookingAt()) {
        Mark start = fault.getContextMark();
        String place = kind.isFromStart() && start != null ? places.apply(start) : met;
        String group = sign.groupCount() == 0 ? "" : sign.group(1);
        return unreadable(place, kind.sentence().replace("$1", group), fault);
      }
    }
    return unreadable(met, "mend its quotes, brackets or columns", fault);
  }

  private static SpecException unreadable(String place, String sentence, Exception fault) {
    return new SpecException("Cannot read " + place + " as YAML: " + sentence, fault);
  }

  private static char sigil(String name) {
    return switch (name) {
      case "alias" -> '*';
      case "anchor" -> '&';
      case "tag" -> '!';
      default -> '%';
    };
  }

  private static Kind where(String sign, String sentence) {
    return new Kind(Pattern.compile(sign), false, sentence);
  }

  private static Kind fromStart(String sign, String sentence) {
    return new Kind(Pattern.compile(sign), true, sentence);
  }
}
