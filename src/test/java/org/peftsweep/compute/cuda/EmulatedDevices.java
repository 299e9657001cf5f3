package org.peftsweep.compute.cuda;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Stands in for the GPUs of a machine, which has one of every address. */
public final class EmulatedDevices implements DeviceProvider {
  private static final String IDLE = "idle";

  private static final Map<String, Device> OPEN = new ConcurrentHashMap<>();

  @Override
  public Device open(String address) {
    EmulatedKernels.require();
    return OPEN.computeIfAbsent(address, EmulatedDevices::made);
  }

  /** Returns how often the driver of the device that computes nothing would have been called. */
  public static long idleCalls() {
    return OPEN.get(IDLE) instanceof IdleDevice idle ? idle.calls() : 0;
  }

  /** Returns what the largest graph since the last time runs on that device, and how often. */
  public static Map<String, Integer> idleNodes() {
    return OPEN.get(IDLE) instanceof IdleDevice idle ? idle.nodes() : Map.of();
  }

  /** Some addresses say what is the matter with a device. */
  private static Device made(String address) {
    return switch (address) {
      case "with-4-megabytes" -> new EmulatedDevice(1, false, 4 << 20);
      case "lost-after-300-kernels" -> new EmulatedDevice(1).lostAfter(300);
      case "with-tensor-cores", "with-others" ->
          new EmulatedDevice(address.hashCode(), true, Long.MAX_VALUE);
      case IDLE -> new IdleDevice();
      case "shared-with-others" -> new EmulatedDevice(1).shared();
      default -> new EmulatedDevice(address.hashCode());
    };
  }
}
