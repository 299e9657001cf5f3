package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A table of texts, printed as Markdown or aligned for a terminal.
 *
 * @param header names of the columns
 * @param isNumber which columns are aligned to the right
 * @param rows as many cells as the header has
 */
public record TextTable(List<String> header, List<Boolean> isNumber, List<List<Cell>> rows) {

  /** A text, and whether it stands out as the best of its column. */
  public record Cell(String text, boolean isBest) {
    /** Makes a cell that does not stand out. */
    public static Cell of(String text) {
      return new Cell(text, false);
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

  /** Returns Markdown; the best are bold. */
  public String markdown() {
    List<String> lines = new ArrayList<>();
    lines.add(line(header.stream().map(TextTable::escaped).toList()));
    lines.add(line(isNumber.stream().map(number -> number ? "---:" : ":---").toList()));
    for (List<Cell> row : rows) {
      lines.add(
          line(
              row.stream()
                  .map(cell -> cell.isBest() ? "**" + cell.text() + "**" : escaped(cell.text()))
                  .toList()));
    }
    return String.join("\n", lines) + "\n";
  }

  /** Returns aligned columns; the best carry a star. */
  public String text() {
    List<List<String>> lines = new ArrayList<>();
    lines.add(marked(header, Collections.nCopies(header.size(), false)));
    for (List<Cell> row : rows) {
      lines.add(
          marked(row.stream().map(Cell::text).toList(), row.stream().map(Cell::isBest).toList()));
    }
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

  private List<String> marked(List<String> cells, List<Boolean> best) {
    List<String> marked = new ArrayList<>();
    for (int column = 0; column < cells.size(); column++) {
      int at = column;
      boolean hasStars = rows.stream().anyMatch(row -> row.get(at).isBest());
      // Where one number has a star the others leave room for it, so that digits align.
      String mark = best.get(column) ? "*" : hasStars ? " " : "";
      marked.add(cells.get(column) + mark);
    }
    return marked;
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
