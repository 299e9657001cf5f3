package org.peftsweep.compute.cuda;

/**
 * Finds devices. One that {@link java.util.ServiceLoader} knows takes the place of CUDA's, as one
 * that stands in for a GPU where there is none.
 */
public interface DeviceProvider {
  /**
   * Returns the device of an address, the same for the whole process.
   *
   * @throws org.peftsweep.compute.BackendUnavailableException if there is no such device
   */
  Device open(String address);
}
