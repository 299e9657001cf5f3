package org.peftsweep.compute.cuda;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Stands in for the GPUs of a machine, which has one of every address. */
public final class EmulatedDevices implements DeviceProvider {
  private static final String SMALL = "with-4-megabytes";

  private static final Map<String, EmulatedDevice> OPEN = new ConcurrentHashMap<>();

  @Override
  public Device open(String address) {
    EmulatedKernels.require();
    return OPEN.computeIfAbsent(
        address,
        missing ->
            address.equals(SMALL)
                ? new EmulatedDevice(1, false, 4 << 20)
                : new EmulatedDevice(address.hashCode()));
  }
}
