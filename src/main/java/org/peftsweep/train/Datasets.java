package org.peftsweep.train;

import java.nio.charset.StandardCharsets;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.DatasetReader;
import org.peftsweep.data.Tasks;
import org.peftsweep.data.grammar.GrammarSettings;
import org.peftsweep.data.grammar.GrammarTask;
import org.peftsweep.data.grammar.RunningText;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.TrainSample;

/** Turns a task's source into the examples of a trial. */
final class Datasets {
  /** Rows of a built-in task, before limits. */
  private static final int TRAIN_ROWS = 4000;

  private static final int DEV_ROWS = 500;

  private Datasets() {}

  /** Reads or generates, limits and splits train, and takes the sample of it. */
  static Dataset read(TaskSource source, Configuration hadoop) {
    if (source.reportedOnly()) {
      return reported(source, hadoop);
    }
    Dataset dataset =
        Tasks.isBuiltIn(source.task())
            ? generated(source)
            : new DatasetReader(hadoop, source.skipBadRows())
                .read(source.task(), source.location());
    if (source.trainLimit() > 0) {
      dataset = dataset.withTrainLimit(source.trainLimit(), source.dataSeed());
    }
    if (source.validationFraction() > 0) {
      dataset = dataset.withValidationFraction(source.validationFraction(), source.dataSeed());
    }
    TrainSample sample = source.sample();
    return dataset
        .withTrainFraction(sample.trainFraction(), source.dataSeed())
        .withAugmentation(
            sample.augmentation(),
            sample.augmentationRate(),
            sample.augmentationCopies(),
            source.dataSeed());
  }

  private static Dataset reported(TaskSource source, Configuration hadoop) {
    Dataset dataset =
        Tasks.isBuiltIn(source.task())
            ? generated(source).withoutTrain()
            : new DatasetReader(hadoop, source.skipBadRows())
                .readReported(source.task(), source.location());
    return source.trainLimit() > 0
        ? dataset.withReportedLimit(source.trainLimit(), source.dataSeed())
        : dataset;
  }

  private static Dataset generated(TaskSource source) {
    return source.task().equals(Tasks.runningText())
        ? new RunningText(GrammarSettings.STANDARD, TRAIN_ROWS, DEV_ROWS, 0).dataset()
        : new GrammarTask(source.task(), GrammarSettings.STANDARD, TRAIN_ROWS, DEV_ROWS, 0)
            .dataset();
  }

  /** Returns SHA-256 over all rows that are used, by part. */
  static String contentHash(Dataset dataset) {
    StringBuilder text = new StringBuilder();
    dataset.contentHashes().forEach((part, hash) -> text.append(part).append(hash).append('\n'));
    return DigestUtils.sha256Hex(text.toString().getBytes(StandardCharsets.UTF_8));
  }
}
