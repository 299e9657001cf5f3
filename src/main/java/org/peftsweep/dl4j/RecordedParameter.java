package org.peftsweep.dl4j;

import java.io.Serializable;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * What a layer knows of one of its parameters.
 *
 * <p>No record: the Jackson of Deeplearning4j reads none.
 */
public final class RecordedParameter implements Serializable {
  private static final long serialVersionUID = 1;

  @JsonProperty("shape")
  private long[] shape;

  @JsonProperty("rate")
  private double rate;

  @JsonProperty("decays")
  private boolean decays;

  private RecordedParameter() {}

  /**
   * @param rate how many times the updater's rate it learns at; 0 for a frozen one
   * @param decays whether weight decay acts on it
   */
  RecordedParameter(long[] shape, double rate, boolean decays) {
    this.shape = shape.clone();
    this.rate = rate;
    this.decays = decays;
  }

  /** Returns the sizes, outermost first. */
  public long[] shape() {
    return shape.clone();
  }

  /** Returns how many times the updater's rate it learns at. */
  public double rate() {
    return rate;
  }

  /** Whether it learns. */
  public boolean learns() {
    return rate != 0;
  }

  boolean decays() {
    return decays;
  }
}
