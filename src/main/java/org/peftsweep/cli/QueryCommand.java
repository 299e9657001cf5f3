package org.peftsweep.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.data.FileFaults;
import org.peftsweep.results.Inspection;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.Views;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Answers Spark SQL over the tables of all sweeps, from the command line or at a prompt. */
@Command(
    name = "query",
    description = "Answers Spark SQL over the views of conf/views.sql.",
    mixinStandardHelpOptions = true)
final class QueryCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "SQL",
      arity = "0..1",
      description =
          "Such as: SELECT method, count(*) FROM trials GROUP BY method. Left out: a prompt, or"
              + " what stands in standard input.")
  private String sql;

  @Mixin private OutputFolder output;

  @Option(
      names = "--format",
      defaultValue = "table",
      description = "One of ${COMPLETION-CANDIDATES}; json is one object a line.")
  private Answers.Format format;

  @Option(
      names = "--unsafe",
      description = "Allow every statement: those that write, set, or read other files too.")
  private boolean isUnsafe;

  private final PrintStream out;
  private final PrintStream err;

  QueryCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws Exception {
    try (Session session = Session.open("peft-sweep query")) {
      SparkSession spark = session.spark();
      look(spark);
      Configuration files = spark.sparkContext().hadoopConfiguration();
      Path place = output.existing("query", "no sweep has tables there", files);
      for (ResultFolder folder : ResultFolder.under(place, files)) {
        Inspection.of(folder, files).notices("left out").forEach(err::println);
      }
      ReadOnly guard = isUnsafe ? null : new ReadOnly(spark, place);
      Answers answers = new Answers(spark, guard, format, out, err);
      if (sql == null && System.console() != null) {
        Prompt.ask(answers, () -> look(spark));
      } else {
        print(answers, sql == null ? standardInput() : sql);
      }
      return 0;
    }
  }

  private static void print(Answers answers, String text) throws Exception {
    try {
      Views.statements(text).forEach(answers::print);
    } catch (InputException e) {
      throw e;
    } catch (Exception e) {
      String sentence = QueryFault.sentence(e);
      throw sentence == null ? e : new InputException(sentence);
    }
  }

  private void look(SparkSession spark) {
    Path folder =
        output.existing(
            "query", "no sweep has tables there", spark.sparkContext().hadoopConfiguration());
    try {
      Views.create(spark, folder.toString());
    } catch (FileNotFoundException e) {
      throw new InputException(
          "Cannot query "
              + output.shown()
              + ": no sweep has tables there; run a sweep or give --output");
    } catch (IOException e) {
      throw FileFaults.cannot("read", output.shown(), e);
    }
  }

  private static String standardInput() throws IOException {
    return new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
  }
}
