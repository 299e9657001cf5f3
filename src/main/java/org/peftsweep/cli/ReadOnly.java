package org.peftsweep.cli;

import java.net.URI;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableOrView;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableValuedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PlanExpression;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.UnresolvedWith;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.execution.command.ExplainCommand;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Lets statements pass that read the views and files below the output folder, and nothing else.
 *
 * <p>The parsed plan is walked with all subqueries. Nodes, functions that make tables, and
 * relations are allowed by list, so that what a later version of Spark adds is refused until it is
 * known.
 */
final class ReadOnly {
  private static final Set<String> NODES =
      Set.of(
          "Aggregate",
          "Deduplicate",
          "DescribeColumn",
          "DescribeFunction",
          "DescribeFunctionCommand",
          "DescribeQueryCommand",
          "DescribeRelation",
          "Distinct",
          "Except",
          "Expand",
          "ExplainCommand",
          "Filter",
          "Generate",
          "GlobalLimit",
          "Intersect",
          "Join",
          "LateralJoin",
          "LocalLimit",
          "LocalRelation",
          "Offset",
          "OneRowRelation",
          "Pivot",
          "PipeExpression",
          "PipeOperator",
          "Project",
          "RebalancePartitions",
          "Repartition",
          "RepartitionByExpression",
          "Sample",
          "ShowColumns",
          "ShowFunctions",
          "ShowTables",
          "ShowViews",
          "Sort",
          "SubqueryAlias",
          "Tail",
          "Union",
          "Unpivot",
          "UnresolvedFunctionName",
          "UnresolvedHaving",
          "UnresolvedHint",
          "UnresolvedInlineTable",
          "UnresolvedNamespace",
          "CurrentNamespace",
          "UnresolvedPivot",
          "UnresolvedRelation",
          "UnresolvedSubqueryColumnAliases",
          "UnresolvedTVFAliases",
          "UnresolvedTableOrView",
          "UnresolvedTableValuedFunction",
          "UnresolvedWith",
          "Window",
          "WithWindowDefinition");

  /** Functions that make a table; those of other libraries and of Python stay outside. */
  private static final Set<String> TABLE_FUNCTIONS =
      Set.of(
          "explode",
          "explode_outer",
          "inline",
          "inline_outer",
          "json_tuple",
          "posexplode",
          "posexplode_outer",
          "range",
          "stack");

  /** Functions that call Java, read more than their arguments, or parse with entities. */
  private static final Set<String> BARRED =
      Set.of(
          "java_method",
          "reflect",
          "try_reflect",
          "from_xml",
          "schema_of_xml",
          "from_avro",
          "to_avro",
          "from_protobuf",
          "to_protobuf");

  private static final Set<String> FORMATS = Set.of("parquet", "json", "csv", "text", "orc");

  private final SparkSession spark;
  private final Path output;

  /**
   * Guards a session.
   *
   * @param output the folder of results, qualified
   */
  ReadOnly(SparkSession spark, Path output) {
    this.spark = spark;
    this.output = output;
  }

  /**
   * Lets a statement pass.
   *
   * @throws InputException if it does or may do more than read
   */
  void require(String sql) {
    LogicalPlan plan;
    try {
      plan = session().sessionState().sqlParser().parsePlan(sql);
    } catch (ParseException e) {
      // Told better by whoever runs it, who fails before anything is done.
      return;
    }
    require(plan, Set.of());
  }

  private org.apache.spark.sql.classic.SparkSession session() {
    return (org.apache.spark.sql.classic.SparkSession) spark;
  }

  private void require(LogicalPlan plan, Set<String> outer) {
    Set<String> named = new HashSet<>(outer);
    if (plan instanceof UnresolvedWith with) {
      CollectionConverters.asJava(with.cteRelations())
          .forEach(
              relation -> {
                named.add(relation._1().toLowerCase(Locale.ROOT));
              });
      CollectionConverters.asJava(with.cteRelations())
          .forEach(relation -> require(relation._2(), named));
    }
    String node = plan.getClass().getSimpleName().replace("$", "");
    if (!NODES.contains(node)) {
      throw refused("a statement of kind " + node);
    }
    if (plan instanceof UnresolvedRelation relation) {
      requireNamed(CollectionConverters.asJava(relation.multipartIdentifier()), named);
    } else if (plan instanceof UnresolvedTableOrView relation) {
      requireNamed(CollectionConverters.asJava(relation.multipartIdentifier()), named);
    } else if (plan instanceof UnresolvedTableValuedFunction function) {
      List<String> name = CollectionConverters.asJava(function.name());
      if (name.size() != 1 || !TABLE_FUNCTIONS.contains(name.get(0).toLowerCase(Locale.ROOT))) {
        throw refused("the table function " + String.join(".", name));
      }
    } else if (plan instanceof ExplainCommand explain) {
      require(explain.logicalPlan(), named);
    }
    CollectionConverters.asJava(plan.expressions()).forEach(each -> require(each, named));
    CollectionConverters.asJava(plan.children()).forEach(child -> require(child, named));
    CollectionConverters.asJava(plan.innerChildren())
        .forEach(
            child -> {
              if (child instanceof LogicalPlan inner && !(plan instanceof UnresolvedWith)) {
                require(inner, named);
              }
            });
  }

  private void require(Expression expression, Set<String> named) {
    if (expression instanceof UnresolvedFunction function) {
      List<String> parts = CollectionConverters.asJava(function.nameParts());
      String name = parts.get(parts.size() - 1).toLowerCase(Locale.ROOT);
      if (BARRED.contains(name) || name.startsWith("xpath")) {
        throw refused("the function " + name);
      }
    }
    if (expression instanceof PlanExpression<?> query) {
      TreeNode<?> plan = (TreeNode<?>) query.plan();
      if (!(plan instanceof LogicalPlan inner)) {
        throw refused("a subquery of kind " + plan.getClass().getSimpleName());
      }
      require(inner, named);
    }
    String node = expression.getClass().getSimpleName();
    if (node.contains("Identifier")) {
      throw refused("IDENTIFIER");
    }
    CollectionConverters.asJava(expression.children()).forEach(child -> require(child, named));
  }

  private void requireNamed(List<String> parts, Set<String> named) {
    String first = parts.get(0).toLowerCase(Locale.ROOT);
    boolean isView =
        parts.size() == 1
            && (named.contains(first)
                || session().sessionState().catalog().getTempView(first).isDefined());
    boolean isFile = parts.size() == 2 && FORMATS.contains(first) && isBelowOutput(parts.get(1));
    if (!isView && !isFile) {
      throw refused(
          parts.size() == 1
              ? "the table " + parts.get(0) + ", which is no view (SHOW VIEWS lists them)"
              : "the table or file " + String.join(".", parts));
    }
  }

  private boolean isBelowOutput(String text) {
    try {
      Path path = new Path(text);
      Path whole =
          path.getFileSystem(spark.sparkContext().hadoopConfiguration()).makeQualified(path);
      URI uri = whole.toUri().normalize();
      URI root = output.toUri();
      return !text.contains("..")
          && String.valueOf(uri.getScheme()).equals(String.valueOf(root.getScheme()))
          && String.valueOf(uri.getAuthority()).equals(String.valueOf(root.getAuthority()))
          && uri.getPath().startsWith(root.getPath() + "/");
    } catch (java.io.IOException | RuntimeException e) {
      return false;
    }
  }

  private static InputException refused(String what) {
    return new InputException(
        "Cannot use "
            + what.replaceAll("\\p{Cntrl}", " ")
            + " in a query, which only reads the views and files below the output folder: give"
            + " --unsafe to allow every statement");
  }
}
