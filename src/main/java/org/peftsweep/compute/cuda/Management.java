package org.peftsweep.compute.cuda;

import static org.bytedeco.cuda.global.nvml.NVML_CLOCK_SM;
import static org.bytedeco.cuda.global.nvml.NVML_SUCCESS;

import java.nio.charset.StandardCharsets;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.cuda.nvml.nvmlDevice_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;

/** What NVIDIA's management library tells of a device; nothing of it is needed to compute. */
final class Management {
  private static final double MILLIJOULES = 1000;

  private final nvmlDevice_st device;
  private final String driver;

  private Management(nvmlDevice_st device, String driver) {
    this.device = device;
    this.driver = driver;
  }

  /** Opens the library for the device of a place on the bus; knows nothing where it cannot. */
  static Management open(String bus) {
    try (BytePointer place = new BytePointer(bus)) {
      Loader.load(nvml.class);
      nvmlDevice_st device = new nvmlDevice_st();
      byte[] version = new byte[128];
      boolean isThere =
          nvml.nvmlInit_v2() == NVML_SUCCESS
              && nvml.nvmlDeviceGetHandleByPciBusId_v2(place, device) == NVML_SUCCESS
              && nvml.nvmlSystemGetDriverVersion(version, version.length) == NVML_SUCCESS;
      return isThere
          ? new Management(device, new String(version, StandardCharsets.US_ASCII).replace("\0", ""))
          : new Management(null, null);
    } catch (LinkageError e) {
      return new Management(null, null);
    }
  }

  String driver() {
    return driver;
  }

  Integer clockMegahertz() {
    int[] clock = new int[1];
    boolean isKnown =
        device != null && nvml.nvmlDeviceGetClockInfo(device, NVML_CLOCK_SM, clock) == NVML_SUCCESS;
    return isKnown ? clock[0] : null;
  }

  /** Returns what the device spent since its driver was loaded. */
  Double energyJoules() {
    long[] millijoules = new long[1];
    boolean isKnown =
        device != null
            && nvml.nvmlDeviceGetTotalEnergyConsumption(device, millijoules) == NVML_SUCCESS;
    return isKnown ? millijoules[0] / MILLIJOULES : null;
  }
}
