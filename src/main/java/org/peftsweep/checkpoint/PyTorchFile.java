package org.peftsweep.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;

/**
 * A file of named float tensors as {@code torch.save} writes it since PyTorch 1.6: a zip with a
 * pickle, which is interpreted and never executed, and an entry for each storage.
 *
 * <p>Entries are stored, as PyTorch stores them, so none can grow beyond the file.
 */
public final class PyTorchFile implements TensorFile {
  private static final String PICKLE = "/data.pkl";
  private static final int MOST_PICKLE_BYTES = 64 << 20;

  private final Path path;
  private final ZipFile zip;
  private final String folder;
  private final Map<String, Pickle.View> tensors;

  private PyTorchFile(Path path, ZipFile zip) throws IOException, Pickle.Fault {
    this.path = path;
    this.zip = zip;
    ZipEntry pickle =
        zip.stream()
            .filter(entry -> entry.getName().endsWith(PICKLE))
            .findFirst()
            .orElseThrow(() -> new Pickle.Fault("it holds no data.pkl"));
    String name = pickle.getName();
    folder = name.substring(0, name.length() - PICKLE.length());
    if (pickle.getSize() > MOST_PICKLE_BYTES) {
      throw new Pickle.Fault("its pickle has more than " + MOST_PICKLE_BYTES + " bytes");
    }
    requireLittleEndian();
    tensors = Pickle.read(bytes(pickle));
    for (Pickle.View view : tensors.values()) {
      entry(view.storage());
    }
  }

  /**
   * Opens a file and checks it; values are read when they are asked for.
   *
   * @throws CheckpointException if it is missing or anything but such a file
   */
  public static PyTorchFile open(Path path) {
    PresentFile.require(path);
    ZipFile zip = null;
    try {
      zip = new ZipFile(path.toFile());
      return new PyTorchFile(path, zip);
    } catch (EOFException | ZipException e) {
      throw refused(path, "it is no whole zip, as torch.save writes since PyTorch 1.6", zip, e);
    } catch (Pickle.Fault e) {
      throw refused(path, e.getMessage(), zip, e);
    } catch (IOException e) {
      close(zip);
      throw FileFaults.cannot("read", path, e);
    } catch (RuntimeException e) {
      close(zip);
      throw e;
    }
  }

  private static CheckpointException refused(Path path, String fault, ZipFile zip, Exception e) {
    close(zip);
    return new CheckpointException("Cannot open " + path + " as a PyTorch file: " + fault, e);
  }

  private void requireLittleEndian() throws IOException, Pickle.Fault {
    ZipEntry order = zip.getEntry(folder + "/byteorder");
    if (order != null && !new String(bytes(order), StandardCharsets.US_ASCII).equals("little")) {
      throw new Pickle.Fault("its numbers are not little-endian");
    }
  }

  private byte[] bytes(ZipEntry entry) throws IOException, Pickle.Fault {
    if (entry.getMethod() != ZipEntry.STORED || entry.getSize() > Files.size(path)) {
      throw new Pickle.Fault(
          "its entry "
              + Shown.value(entry.getName())
              + " is compressed or larger than the file, which PyTorch never writes");
    }
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(Math.toIntExact(entry.getSize()));
      if (bytes.length != entry.getSize()) {
        throw new EOFException();
      }
      return bytes;
    } catch (EOFException | ZipException e) {
      throw new Pickle.Fault("its entry " + entry.getName() + " is damaged");
    } catch (ArithmeticException e) {
      throw new Pickle.Fault("its entry " + entry.getName() + " has more than 2 GiB");
    }
  }

  private ZipEntry entry(Pickle.Storage storage) throws Pickle.Fault {
    ZipEntry entry = zip.getEntry(folder + "/data/" + storage.key());
    long wanted;
    try {
      wanted = Math.multiplyExact(storage.elements(), (long) storage.dtype().bytes());
    } catch (ArithmeticException e) {
      wanted = Long.MAX_VALUE;
    }
    if (entry == null || entry.getSize() != wanted) {
      throw new Pickle.Fault(
          "storage %s would have %d bytes, and %s"
              .formatted(
                  Shown.value(storage.key()),
                  wanted,
                  entry == null ? "it is not there" : "it has " + entry.getSize()));
    }
    return entry;
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    tensors.forEach((name, view) -> shapes.put(name, view.shape()));
    return Collections.unmodifiableMap(shapes);
  }

  @Override
  public boolean isFloat(String name) {
    return DType.FLOATS.contains(view(name).storage().dtype());
  }

  @Override
  public void requireFloat(String name) {
    if (!isFloat(name)) {
      throw notFloats(name, view(name).storage().dtype());
    }
  }

  /** Reads the tensor's storage at once; what is returned no longer needs the file. */
  @Override
  public FloatSource values(String name) {
    Pickle.View view = view(name);
    requireFloat(name);
    try {
      ByteBuffer data =
          ByteBuffer.wrap(bytes(entry(view.storage()))).order(ByteOrder.LITTLE_ENDIAN);
      return (from, target) -> read(view, data, from, target);
    } catch (Pickle.Fault e) {
      throw refused(path, e.getMessage(), null, e);
    } catch (IOException e) {
      throw FileFaults.cannot("read", path, e);
    }
  }

  private Pickle.View view(String name) {
    Pickle.View view = tensors.get(name);
    if (view == null) {
      throw missing(name);
    }
    return view;
  }

  private static void read(Pickle.View view, ByteBuffer data, long from, FloatBuffer target) {
    DType dtype = view.storage().dtype();
    int[] index = index(from, view.shape());
    while (target.hasRemaining()) {
      long at = view.offset();
      for (int axis = 0; axis < index.length; axis++) {
        at += index[axis] * view.strides().get(axis);
      }
      target.put(dtype.read(data, (int) (at * dtype.bytes())));
      advance(index, view.shape());
    }
  }

  /** The index along each axis of an element counted in row-major order. */
  private static int[] index(long element, List<Long> shape) {
    int[] index = new int[shape.size()];
    long rest = element;
    for (int axis = index.length - 1; axis >= 0; axis--) {
      index[axis] = (int) (rest % Math.max(1, shape.get(axis)));
      rest /= Math.max(1, shape.get(axis));
    }
    return index;
  }

  private static void advance(int[] index, List<Long> shape) {
    for (int axis = index.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape.get(axis)) {
        return;
      }
      index[axis] = 0;
    }
  }

  @Override
  public void close() {
    close(zip);
  }

  private static void close(ZipFile zip) {
    try {
      if (zip != null) {
        zip.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
