package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A table of texts, and the formats that it is printed in.
 *
 * @param header names of the columns
 * @param isNumber which columns are aligned to the right
 * @param rows as many cells as the header has
 */
public record TextTable(List<String> header, List<Boolean> isNumber, List<List<Cell>> rows) {
  /** How a cell stands out within its column. */
  public enum Mark {
    NONE,
    BEST
  }

  /** A text, and how it stands out. */
  public record Cell(String text, Mark mark) {
    /** Makes a cell that does not stand out. */
    public static Cell of(String text) {
      return new Cell(text, Mark.NONE);
    }
  }

  public TextTable {
    for (List<Cell> row : rows) {
      if (row.size() != header.size() || isNumber.size() != header.size()) {
        throw new IllegalArgumentException(
            "Cannot make a table of " + header + " with the row " + row + ": sizes differ");
      }
    }
  }

  /** Makes a table of plain cells; columns named in {@code numbers} are aligned to the right. */
  static TextTable of(List<String> header, Set<String> numbers, List<List<String>> rows) {
    return new TextTable(
        header,
        header.stream().map(numbers::contains).toList(),
        rows.stream().map(row -> row.stream().map(Cell::of).toList()).toList());
  }

  /** Returns Markdown; the best are bold. */
  public String markdown() {
    List<String> lines = new ArrayList<>();
    lines.add(line(header.stream().map(TextTable::escaped).toList()));
    lines.add(line(isNumber.stream().map(number -> number ? "---:" : ":---").toList()));
    for (List<Cell> row : rows) {
      lines.add(line(row.stream().map(TextTable::markdown).toList()));
    }
    return String.join("\n", lines) + "\n";
  }

  private static String markdown(Cell cell) {
    return switch (cell.mark()) {
      case BEST -> "**" + escaped(cell.text()) + "**";
      case NONE -> escaped(cell.text());
    };
  }

  /** Returns a tabular of the package booktabs; the best are bold. */
  public String latex() {
    StringBuilder text = new StringBuilder("\\begin{tabular}{");
    isNumber.forEach(number -> text.append(number ? 'r' : 'l'));
    text.append("}\n\\toprule\n");
    text.append(header.stream().map(TextTable::latex).collect(Collectors.joining(" & ")));
    text.append(" \\\\\n\\midrule\n");
    for (List<Cell> row : rows) {
      text.append(row.stream().map(TextTable::latex).collect(Collectors.joining(" & ")));
      text.append(" \\\\\n");
    }
    return text.append("\\bottomrule\n\\end{tabular}\n").toString();
  }

  private static String latex(Cell cell) {
    String text = latex(cell.text());
    return switch (cell.mark()) {
      case BEST -> "\\textbf{" + text + "}";
      case NONE -> text;
    };
  }

  static String latex(String text) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '&', '%', '$', '#', '_', '{', '}' -> escaped.append('\\').appendCodePoint(c);
                case '\\' -> escaped.append("\\textbackslash{}");
                case '~' -> escaped.append("\\textasciitilde{}");
                case '^' -> escaped.append("\\textasciicircum{}");
                case 'λ' -> escaped.append("$\\lambda$");
                case 'η' -> escaped.append("$\\eta$");
                case '±' -> escaped.append("$\\pm$");
                case '×' -> escaped.append("$\\times$");
                case '·' -> escaped.append("$\\cdot$");
                case '−' -> escaped.append("$-$");
                case '…' -> escaped.append("\\ldots{}");
                case '—' -> escaped.append("---");
                default -> escaped.appendCodePoint(c);
              }
            });
    return escaped.toString();
  }

  /** Returns comma-separated values as RFC 4180 has them, without marks. */
  public String csv() {
    List<String> lines = new ArrayList<>(List.of(csv(header)));
    rows.forEach(row -> lines.add(csv(row.stream().map(Cell::text).toList())));
    return String.join("\n", lines) + "\n";
  }

  /** Control characters, and those that turn the direction of writing. */
  private static final Pattern CONTROL = Pattern.compile("[\\p{Cc}\u202a-\u202e\u2066-\u2069]");

  /** What a spreadsheet takes for a formula, unless it is a number. */
  private static final Pattern FORMULA = Pattern.compile("[=+\\-@\t\r\n].*", Pattern.DOTALL);

  private static final Pattern NUMBER =
      Pattern.compile("[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?|-?Infinity");

  /**
   * Returns one line of such values, without its end. Text that a spreadsheet would run as a
   * formula gets an apostrophe before it, which makes it text there.
   */
  public static String csv(List<String> cells) {
    return cells.stream()
        .map(
            cell ->
                FORMULA.matcher(cell).matches() && !NUMBER.matcher(cell).matches()
                    ? "'" + cell
                    : cell)
        .map(
            cell ->
                cell.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
                    ? '"' + cell.replace("\"", "\"\"") + '"'
                    : cell)
        .collect(Collectors.joining(","));
  }

  /** Returns aligned columns; the best carry a star. */
  public String text() {
    List<Boolean> hasMarks =
        IntStream.range(0, header.size())
            .mapToObj(column -> rows.stream().anyMatch(row -> row.get(column).mark() != Mark.NONE))
            .toList();
    List<List<String>> lines = new ArrayList<>();
    lines.add(marked(header.stream().map(Cell::of).toList(), hasMarks));
    rows.forEach(row -> lines.add(marked(row, hasMarks)));
    int[] widths =
        IntStream.range(0, header.size())
            .map(
                column -> lines.stream().mapToInt(line -> length(line.get(column))).max().orElse(0))
            .toArray();
    String rule = IntStream.of(widths).mapToObj("─"::repeat).collect(Collectors.joining("  "));
    List<String> text = new ArrayList<>();
    for (List<String> line : lines) {
      text.add(
          IntStream.range(0, widths.length)
              .mapToObj(column -> padded(line.get(column), widths[column], isNumber.get(column)))
              .collect(Collectors.joining("  "))
              .stripTrailing());
      if (text.size() == 1) {
        text.add(rule);
      }
    }
    return String.join("\n", text) + "\n";
  }

  private static List<String> marked(List<Cell> cells, List<Boolean> hasMarks) {
    List<String> marked = new ArrayList<>();
    for (int column = 0; column < cells.size(); column++) {
      // Where one number has a mark the others leave room for it, so that digits align.
      String mark =
          switch (cells.get(column).mark()) {
            case BEST -> "*";
            case NONE -> hasMarks.get(column) ? " " : "";
          };
      marked.add(printable(cells.get(column).text()) + mark);
    }
    return marked;
  }

  /** Returns text that cannot steer a terminal: a space for each control character. */
  public static String printable(String text) {
    return CONTROL.matcher(text).replaceAll(" ");
  }

  private static String line(List<String> cells) {
    return "| " + String.join(" | ", cells) + " |";
  }

  private static String escaped(String text) {
    return text.replace("|", "\\|").replace("\n", " ");
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  private static String padded(String text, int width, boolean toTheRight) {
    String space = " ".repeat(width - length(text));
    return toTheRight ? space + text : text + space;
  }
}
