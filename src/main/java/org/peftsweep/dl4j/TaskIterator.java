package org.peftsweep.dl4j;

import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.IntFunction;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.data.Batch;

/**
 * Batches of a task as Deeplearning4j reads them: features ids and mask, and types where a model
 * has them, each {@code [examples, tokens]}; labels {@code [examples, outputs]}, ones in the places
 * of classes, or values.
 */
public final class TaskIterator implements MultiDataSetIterator {
  private static final long serialVersionUID = 1;

  private final transient IntFunction<List<Batch>> epochs;
  private final int outputs;
  private final boolean hasTypes;
  private MultiDataSetPreProcessor preProcessor;
  private transient List<Batch> batches;
  private int epoch;
  private int next;

  /**
   * @param epochs the batches of each epoch, counted from 0; a {@link #reset} begins the next one
   * @param outputs number of classes; 1 for values
   * @param hasTypes whether token types are a third feature
   */
  public TaskIterator(IntFunction<List<Batch>> epochs, int outputs, boolean hasTypes) {
    this.epochs = epochs;
    this.outputs = outputs;
    this.hasTypes = hasTypes;
    this.batches = epochs.apply(0);
  }

  @Override
  public boolean hasNext() {
    return next < batches.size();
  }

  @Override
  public MultiDataSet next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    Batch batch = batches.get(next++);
    INDArray ids = features(batch, batch.ids());
    INDArray mask = features(batch, batch.mask());
    INDArray[] features =
        hasTypes
            ? new INDArray[] {ids, mask, features(batch, batch.typeIds())}
            : new INDArray[] {ids, mask};
    MultiDataSet made =
        new org.nd4j.linalg.dataset.MultiDataSet(features, new INDArray[] {labels(batch)});
    if (preProcessor != null) {
      preProcessor.preProcess(made);
    }
    return made;
  }

  private static INDArray features(Batch batch, int... numbers) {
    return Nd4j.createFromArray(numbers)
        .castTo(DataType.FLOAT)
        .reshape(batch.rows(), batch.tokens());
  }

  private INDArray labels(Batch batch) {
    float[] labels = new float[batch.rows() * outputs];
    for (int i = 0; i < batch.rows(); i++) {
      if (outputs == 1) {
        labels[i] = batch.labels()[i];
      } else {
        labels[i * outputs + (int) batch.labels()[i]] = 1;
      }
    }
    return Nd4j.createFromArray(labels).reshape(batch.rows(), outputs);
  }

  /** Batches are as they are given, whatever is asked for. */
  @Override
  public MultiDataSet next(int examples) {
    return next();
  }

  @Override
  public void reset() {
    epoch++;
    batches = epochs.apply(epoch);
    next = 0;
  }

  @Override
  public boolean resetSupported() {
    return true;
  }

  @Override
  public boolean asyncSupported() {
    return false;
  }

  @Override
  public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {
    this.preProcessor = preProcessor;
  }

  @Override
  public MultiDataSetPreProcessor getPreProcessor() {
    return preProcessor;
  }
}
