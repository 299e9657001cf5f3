package org.peftsweep.data;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** What is often found under the name of another kind of file, told by its first bytes. */
enum ForeignFile {
  GZIP("\u001f\u008b", "it is packed by gzip"),
  ZIP("PK\u0003\u0004", "it is a zip file or a workbook"),
  PARQUET("PAR1", "it is a Parquet file"),
  GIT_LFS("version https://git-lfs", "it is a pointer of git-lfs");

  /** What a file was taken for, which decides what to do. */
  enum Wanted {
    /** Rows as text. */
    TEXT,
    /** The same, unpacked as the ending of its name says. */
    PACKED_TEXT,
    /** Rows as Parquet. */
    ROWS,
    /** A file of a model. */
    MODEL
  }

  private final String start;
  private final String what;

  ForeignFile(String start, String what) {
    this.start = start;
    this.what = what;
  }

  /** What a file's first bytes are, and what to do; empty where they may be what is wanted. */
  static Optional<String> of(byte[] head, Wanted wanted) {
    String text = new String(head, StandardCharsets.ISO_8859_1);
    return Arrays.stream(values())
        .filter(kind -> text.startsWith(kind.start))
        .findFirst()
        .map(kind -> kind.what + "; " + kind.remedy(wanted));
  }

  private String remedy(Wanted wanted) {
    return switch (this) {
      case GZIP ->
          switch (wanted) {
            case TEXT -> "let its name end in .gz";
            case PACKED_TEXT -> "unpack it once, it was packed twice";
            default -> "unpack it";
          };
      case ZIP ->
          switch (wanted) {
            case ROWS -> "save its rows as Parquet";
            case MODEL -> "unpack it";
            default -> "save it as text in UTF-8";
          };
      case PARQUET ->
          switch (wanted) {
            case TEXT -> "let its name end in .parquet";
            case PACKED_TEXT -> "unpack it, and let its name end in .parquet";
            default -> "fetch the right one";
          };
      case GIT_LFS -> "fetch the file itself by git lfs pull";
    };
  }
}
