package org.peftsweep.data;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The forms in which rows are read, with the endings of their files, best first. */
enum FileFormat {
  CSV("csv"),
  TSV("tsv"),
  /** TSV whose fields may stand in quotes: by the task's word, or because Spark wrote it. */
  QUOTED_TSV,
  /** One object a line, or one array of objects. */
  JSON("jsonl", "json", "ndjson"),
  PARQUET("parquet");

  private final List<String> endings;

  FileFormat(String... endings) {
    this.endings = List.of(endings);
  }

  /** The format of an ending without its dot. */
  static Optional<FileFormat> ofEnding(String ending) {
    String lower = ending.toLowerCase(Locale.ROOT);
    return Arrays.stream(values()).filter(format -> format.endings.contains(lower)).findFirst();
  }

  /** All endings, with {@code between} between them. */
  static String endings(String between) {
    return Arrays.stream(values())
        .flatMap(format -> format.endings.stream())
        .collect(Collectors.joining(between));
  }
}
