package org.peftsweep.compute.cuda;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Stands in for the GPUs of a machine: two of them, of which each test may open any. */
public final class EmulatedDevices implements DeviceProvider {
  private static final Map<String, EmulatedDevice> OPEN = new ConcurrentHashMap<>();

  @Override
  public Device open(String address) {
    EmulatedKernels.require();
    return OPEN.computeIfAbsent(address, missing -> new EmulatedDevice(address.hashCode()));
  }
}
