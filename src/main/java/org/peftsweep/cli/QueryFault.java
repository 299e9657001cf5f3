package org.peftsweep.cli;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.lang3.StringUtils;
import org.apache.spark.SparkThrowable;
import org.peftsweep.data.Shown;

/** Says what is wrong with a statement of SQL and what to write. */
final class QueryFault {
  private static final String AGGREGATE =
      "no aggregate can stand there, take it into HAVING or a subquery";

  /** By Spark's error conditions, with the parameters of these in angle brackets. */
  private static final Map<String, String> SENTENCES =
      Map.ofEntries(
          Map.entry(
              "UNRESOLVED_COLUMN.WITH_SUGGESTION",
              "nothing that it reads has a column <objectName>, did you mean <proposal>"),
          Map.entry(
              "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
              "nothing that it reads has a column <objectName>, DESCRIBE lists those of a view"),
          Map.entry(
              "UNRESOLVED_FIELD.WITH_SUGGESTION",
              "<columnPath> has no field <fieldName>, did you mean <proposal>"),
          Map.entry("FIELD_NOT_FOUND", "there is no field <fieldName>, give one of <fields>"),
          Map.entry(
              "TABLE_OR_VIEW_NOT_FOUND",
              "there is no table or view <relationName>, SHOW VIEWS lists them"),
          Map.entry(
              "UNRESOLVED_ROUTINE",
              "there is no function <routineName>, SHOW FUNCTIONS lists them"),
          Map.entry("PARSE_SYNTAX_ERROR", "it is no SQL from <error> on, mend it there"),
          Map.entry("PARSE_EMPTY_STATEMENT", "it is empty, write a statement"),
          Map.entry("UNCLOSED_BRACKETED_COMMENT", "its comment has no end, close it by */"),
          Map.entry(
              "MISSING_AGGREGATION",
              "<expression> differs within a group, aggregate it or add it to GROUP BY"),
          Map.entry(
              "MISSING_GROUP_BY",
              "it has aggregates beside plain columns, add GROUP BY with these"),
          Map.entry("NESTED_AGGREGATE_FUNCTION", AGGREGATE),
          Map.entry("GROUP_BY_AGGREGATE", AGGREGATE),
          Map.entry("INVALID_WHERE_CONDITION", AGGREGATE),
          Map.entry(
              "GROUP_BY_POS_OUT_OF_RANGE", "there is no column <index>, give one from 1 to <size>"),
          Map.entry(
              "ORDER_BY_POS_OUT_OF_RANGE", "there is no column <index>, give one from 1 to <size>"),
          Map.entry(
              "AMBIGUOUS_REFERENCE", "several tables have <name>, write one of <referenceNames>"),
          Map.entry(
              "NUM_COLUMNS_MISMATCH",
              "<operator> joins <firstNumColumns> columns with <invalidNumColumns>, select as"
                  + " many"),
          Map.entry(
              "WRONG_NUM_ARGS",
              "<functionName> takes <expectedNum> arguments, not <actualNum>, mend the call"),
          Map.entry("DATATYPE_MISMATCH", "the types within <sqlExpr> do not fit, cast one"),
          Map.entry(
              "CAST_INVALID_INPUT",
              "<expression> is no <targetType>, use try_cast for NULL in its place"),
          Map.entry("DIVIDE_BY_ZERO", "it divides by zero, use try_divide for NULL in its place"));

  private static final Pattern PARAMETER = Pattern.compile("<(\\w+)>");

  private QueryFault() {}

  /** Returns what is wrong with a statement in one sentence, or null if the fault is another. */
  static String sentence(Throwable fault) {
    for (Throwable cause = fault; cause != null; cause = cause.getCause()) {
      if (cause instanceof SparkThrowable known && known.getCondition() != null) {
        return "Cannot answer the query: " + reason(known, cause.getMessage());
      }
    }
    return null;
  }

  private static String reason(SparkThrowable fault, String message) {
    String condition = fault.getCondition();
    String kind = StringUtils.substringBefore(condition, ".");
    String sentence = SENTENCES.getOrDefault(condition, SENTENCES.get(kind));
    if (sentence == null) {
      // Spark has a thousand more; where its users look them up they stand in its words.
      String line = message.strip().lines().findFirst().orElse(condition);
      return "Spark says \""
          + Shown.exact(line.replaceFirst("^\\[[^]]*] ", "").replaceFirst(" SQLSTATE: \\w+.*", ""))
          + "\", mend it";
    }
    Map<String, String> parameters = fault.getMessageParameters();
    return PARAMETER
        .matcher(sentence)
        .replaceAll(
            name ->
                Matcher.quoteReplacement(
                    StringUtils.strip(
                        Shown.value(parameters.getOrDefault(name.group(1), "it")), "[]")));
  }
}
