package org.peftsweep.results;

import java.util.function.Function;

/**
 * A column of a result table.
 *
 * @param name snake_case, with its unit; never reused for another meaning
 * @param isRequired whether every row has a value; elsewhere null means "not measured"
 * @param comment what it says, for the reader of the table
 * @param value reads the value from what a row is made of
 * @param <R> what a row is made of
 */
public record Column<R>(
    String name, ColumnType type, boolean isRequired, String comment, Function<R, ?> value) {

  /** Makes a column that has a value in every row. */
  static <R> Column<R> required(
      String name, ColumnType type, String comment, Function<R, ?> value) {
    return new Column<>(name, type, true, comment, value);
  }

  /** Makes a column that may be null. */
  static <R> Column<R> optional(
      String name, ColumnType type, String comment, Function<R, ?> value) {
    return new Column<>(name, type, false, comment, value);
  }
}
