package org.peftsweep.compute.cuda;

import static org.bytedeco.cuda.global.cudart.*;
import static org.peftsweep.compute.cuda.CudaErrors.check;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.cudart.CUuuid;
import org.peftsweep.compute.BackendUnavailableException;

/**
 * The GPUs of this machine as {@code nvidia-smi} numbers them, which is by their places on the bus
 * and not, as CUDA's default is, by their speed.
 */
final class CudaDevices {
  private static final Map<String, CudaDevice> OPEN = new HashMap<>();
  private static final Map<String, CudaDevice> BY_IDENTIFIER = new HashMap<>();

  private record Found(int ordinal, String bus, String uuid) {}

  private CudaDevices() {}

  /**
   * Returns the device of an address, one for the whole process.
   *
   * @param address a number, or an identifier such as {@code GPU-8f6b…}
   * @throws BackendUnavailableException if this machine has no such device
   */
  static synchronized CudaDevice open(String address) {
    CudaDevice open = OPEN.get(address);
    if (open == null) {
      Found found = find(address);
      // The same device may be asked for by its number and by its identifier.
      open =
          BY_IDENTIFIER.computeIfAbsent(
              found.uuid, missing -> new CudaDevice(address, found.ordinal, found.uuid, found.bus));
      OPEN.put(address, open);
    }
    return open;
  }

  private static Found find(String address) {
    List<Found> all = all();
    for (int i = 0; i < all.size(); i++) {
      Found found = all.get(i);
      if (address.equals(Integer.toString(i)) || address.equals(found.uuid)) {
        return found;
      }
    }
    throw new BackendUnavailableException(
        "Cannot open GPU "
            + address
            + ": this machine shows "
            + all.size()
            + (all.size() == 1 ? " GPU" : " GPUs")
            + ", numbered from 0 as nvidia-smi does");
  }

  private static List<Found> all() {
    CudaLibraries.require();
    int started = cuInit(0);
    if (started == CUDA_ERROR_NO_DEVICE) {
      return List.of();
    }
    check(started, "start CUDA's driver");
    int[] count = new int[1];
    check(cuDeviceGetCount(count), "count GPUs");
    List<Found> all = new ArrayList<>();
    for (int ordinal = 0; ordinal < count[0]; ordinal++) {
      int[] handle = new int[1];
      check(cuDeviceGet(handle, ordinal), "look at a GPU");
      all.add(new Found(ordinal, bus(handle[0]), uuid(handle[0])));
    }
    all.sort(Comparator.comparing(Found::bus));
    return all;
  }

  private static String bus(int handle) {
    byte[] bytes = new byte[64];
    check(cuDeviceGetPCIBusId(bytes, bytes.length, handle), "find a GPU on the bus");
    return new String(bytes, StandardCharsets.US_ASCII).replace("\0", "");
  }

  private static String uuid(int handle) {
    try (CUuuid uuid = new CUuuid()) {
      check(cuDeviceGetUuid(uuid, handle), "identify a GPU");
      StringBuilder text = new StringBuilder("GPU-");
      for (int i = 0; i < 16; i++) {
        text.append(i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "");
        text.append(String.format("%02x", uuid.bytes(i)));
      }
      return text.toString();
    }
  }
}
