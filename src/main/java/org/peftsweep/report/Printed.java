package org.peftsweep.report;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.text.WordUtils;

/** The formats of a report, all made from the same sections. */
public enum Printed {
  /** For a terminal. */
  text("txt") {
    @Override
    String of(Section section) {
      return heading(section.title(), "═")
          + WordUtils.wrap(section.note(), BenchmarkTable.TERMINAL_WIDTH)
          + "\n"
          + (section.table().rows().isEmpty() ? "" : "\n" + section.table().text());
    }

    private String heading(String title, String line) {
      return title + "\n" + line.repeat(title.codePointCount(0, title.length())) + "\n";
    }
  },

  /** Markdown. */
  md("md") {
    @Override
    String of(Section section) {
      return "## "
          + section.title()
          + "\n\n"
          + section.note()
          + "\n"
          + (section.table().rows().isEmpty() ? "" : "\n" + section.table().markdown());
    }
  },

  /** Tables for LaTeX; a document needs the packages booktabs and caption. */
  latex("tex") {
    @Override
    String of(Section section) {
      return section.table().rows().isEmpty()
          ? "% " + section.title() + ": " + section.note() + "\n"
          : "\\begin{table}\n\\centering\n"
              + section.table().latex()
              + "\\caption{"
              + TextTable.latex(section.title() + ". " + section.note())
              + "}\n\\label{tab:"
              + section.id()
              + "}\n\\end{table}\n";
    }
  },

  /** Comma-separated values, a comment line before each table. */
  csv("csv") {
    @Override
    String of(Section section) {
      return "# " + section.title() + "\n" + section.table().csv();
    }
  },

  /** One file for a browser: see {@link HtmlReport}. */
  html("html") {
    @Override
    String of(Section section) {
      throw new UnsupportedOperationException();
    }

    @Override
    public String of(Report report) {
      return HtmlReport.of(report);
    }
  };

  private final String suffix;

  Printed(String suffix) {
    this.suffix = suffix;
  }

  /** Returns the ending of file names. */
  public String suffix() {
    return suffix;
  }

  abstract String of(Section section);

  /** Returns every statement that was given, and what settings do alone. */
  public String claims(Report report) {
    return Stream.concat(
            Stream.of(report.claims(true)),
            report.sections().stream().filter(section -> section.id().equals("confounding")))
        .map(this::of)
        .collect(Collectors.joining("\n"));
  }

  /** Returns the whole report. */
  public String of(Report report) {
    String sections = report.sections().stream().map(this::of).collect(Collectors.joining("\n"));
    return switch (this) {
      case text -> report.state() + "\n\n" + findings(report) + sections;
      case md ->
          "# " + report.sweep() + "\n\n" + report.state() + "\n\n" + findings(report) + sections;
      case latex -> "% " + report.state() + "\n\n" + sections;
      default -> sections;
    };
  }

  /** The question and the answers, a paragraph each. */
  private static String findings(Report report) {
    return Stream.concat(Stream.of(report.question()), report.findings().sentences().stream())
        .filter(sentence -> !sentence.isEmpty())
        .map(sentence -> WordUtils.wrap(sentence, BenchmarkTable.TERMINAL_WIDTH) + "\n\n")
        .collect(Collectors.joining());
  }
}
