package org.peftsweep.compute;

/**
 * What a GPU tells of itself. Null is "not known".
 *
 * @param driver version of its driver
 * @param cuda version of CUDA that its kernels were compiled with
 * @param clockMegahertz of its processors now
 * @param energyJoules spent up to now, from some time in the past on
 */
public record GpuReading(String driver, String cuda, Integer clockMegahertz, Double energyJoules) {
  /** Returns this reading with the energy spent since another. */
  public GpuReading since(GpuReading earlier) {
    boolean isKnown = energyJoules != null && earlier.energyJoules != null;
    return withEnergy(isKnown ? energyJoules - earlier.energyJoules : null);
  }

  /** Returns the same without energy, where others have a part in it. */
  public GpuReading withoutEnergy() {
    return withEnergy(null);
  }

  private GpuReading withEnergy(Double joules) {
    return new GpuReading(driver, cuda, clockMegahertz, joules);
  }
}
