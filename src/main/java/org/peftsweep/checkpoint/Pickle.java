package org.peftsweep.checkpoint;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.peftsweep.data.Shown;

/**
 * Reads the pickle of a PyTorch file that holds named tensors, without executing it: a small stack
 * machine that knows the opcodes and the globals such files need and refuses all others.
 *
 * <p>Memory grows with the bytes of the pickle only. Source: Python's {@code pickletools}, protocol
 * 2.
 */
final class Pickle {
  /** Why a pickle is refused. */
  static final class Fault extends Exception {
    private static final long serialVersionUID = 1;

    Fault(String message) {
      super(message);
    }
  }

  /**
   * Elements in an entry of the zip.
   *
   * @param key name of the entry below {@code data/}
   */
  record Storage(DType dtype, String key, long elements) {}

  /**
   * A view of a storage.
   *
   * @param offset of its first element
   * @param strides in elements, as many as sizes
   */
  record View(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

  /** What a pickle may name; nothing of it is ever loaded. */
  private enum Global {
    ORDERED_DICT("collections OrderedDict", null),
    REBUILD_TENSOR("torch._utils _rebuild_tensor_v2", null),
    REBUILD_PARAMETER("torch._utils _rebuild_parameter", null),
    FLOATS("torch FloatStorage", DType.F32),
    HALVES("torch HalfStorage", DType.F16),
    BRAINS("torch BFloat16Storage", DType.BF16),
    DOUBLES("torch DoubleStorage", DType.F64),
    LONGS("torch LongStorage", DType.I64),
    INTS("torch IntStorage", DType.I32),
    SHORTS("torch ShortStorage", DType.I16),
    BYTES("torch ByteStorage", DType.U8),
    CHARS("torch CharStorage", DType.I8),
    BOOLS("torch BoolStorage", DType.BOOL);

    private final String name;
    private final DType storage;

    Global(String name, DType storage) {
      this.name = name;
      this.storage = storage;
    }

    static Global named(String name) throws Fault {
      for (Global global : values()) {
        if (global.name.equals(name)) {
          return global;
        }
      }
      throw new Fault(
          "it names "
              + Shown.value(name.replace(' ', '.'))
              + ", and only tensors in dictionaries are read");
    }
  }

  private record Dictionary(Map<String, Object> entries) {}

  private enum Marker {
    MARK,
    NONE
  }

  private static final int MOST_DIMENSIONS = 8;

  private final ByteBuffer bytes;
  private final Deque<Object> stack = new ArrayDeque<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  private Pickle(byte[] bytes) {
    this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Returns the tensors of the dictionary that a pickle holds, in its order. */
  static Map<String, View> read(byte[] bytes) throws Fault {
    Object value;
    try {
      value = new Pickle(bytes).run();
    } catch (BufferUnderflowException e) {
      throw new Fault("its pickle ends too early");
    }
    Map<String, View> tensors = new LinkedHashMap<>();
    for (Map.Entry<String, Object> entry : as(Dictionary.class, value).entries().entrySet()) {
      tensors.put(entry.getKey(), as(View.class, entry.getValue()));
    }
    return tensors;
  }

  private Object run() throws Fault {
    while (true) {
      int opcode = Byte.toUnsignedInt(bytes.get());
      switch (opcode) {
        case 0x80 -> require(next() <= 3, "its pickle is of a protocol above 3");
        case 'c' -> stack.push(Global.named(line() + " " + line()));
        case 'q' -> memo.put(next(), top());
        case 'r' -> memo.put(bytes.getInt(), top());
        case 'h' -> stack.push(recall(next()));
        case 'j' -> stack.push(recall(bytes.getInt()));
        case 'X' -> stack.push(text());
        case 'K' -> stack.push((long) next());
        case 'M' -> stack.push((long) Short.toUnsignedInt(bytes.getShort()));
        case 'J' -> stack.push((long) bytes.getInt());
        case 0x8a -> stack.push(wide());
        case 0x88 -> stack.push(true);
        case 0x89 -> stack.push(false);
        case 'N' -> stack.push(Marker.NONE);
        case '(' -> stack.push(Marker.MARK);
        case ')' -> stack.push(List.of());
        case 't' -> stack.push(sinceMark());
        case 0x85 -> stack.push(last(1));
        case 0x86 -> stack.push(last(2));
        case 0x87 -> stack.push(last(3));
        case '}' -> stack.push(new Dictionary(new LinkedHashMap<>()));
        case 's' -> put(last(2));
        case 'u' -> put(sinceMark());
        case 'Q' -> stack.push(storage(as(List.class, pop())));
        case 'R' -> reduce();
        case 'b' -> skipState();
        case '.' -> {
          return pop();
        }
        default ->
            throw new Fault(
                "its pickle has opcode 0x%02x, which no file of tensors needs".formatted(opcode));
      }
    }
  }

  private int next() {
    return Byte.toUnsignedInt(bytes.get());
  }

  private Object top() throws Fault {
    require(!stack.isEmpty(), "its pickle uses an empty stack");
    return stack.peek();
  }

  private Object pop() throws Fault {
    Object value = top();
    stack.pop();
    return value;
  }

  private Object recall(int place) throws Fault {
    return Optional.ofNullable(memo.get(place))
        .orElseThrow(() -> new Fault("its pickle recalls what it never stored"));
  }

  private List<Object> last(int count) throws Fault {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      values.add(0, pop());
    }
    return values;
  }

  private List<Object> sinceMark() throws Fault {
    List<Object> values = new ArrayList<>();
    for (Object value = pop(); value != Marker.MARK; value = pop()) {
      values.add(value);
    }
    Collections.reverse(values);
    return values;
  }

  private String line() throws Fault {
    StringBuilder line = new StringBuilder();
    for (int c = next(); c != '\n'; c = next()) {
      line.append((char) c);
    }
    return line.toString();
  }

  private String text() throws Fault {
    int length = bytes.getInt();
    require(length >= 0 && length <= bytes.remaining(), "its pickle ends within a text");
    byte[] utf8 = new byte[length];
    bytes.get(utf8);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  /** A whole number of up to 8 bytes. */
  private long wide() throws Fault {
    int length = next();
    require(length <= Long.BYTES, "its pickle holds a number of more than 64 bits");
    long value = 0;
    byte last = 0;
    for (int i = 0; i < length; i++) {
      last = bytes.get();
      value |= (last & 0xffL) << 8 * i;
    }
    return last < 0 && length < Long.BYTES ? value | -1L << 8 * length : value;
  }

  private void put(List<Object> pairs) throws Fault {
    Map<String, Object> target = as(Dictionary.class, top()).entries();
    require(pairs.size() % 2 == 0, "its pickle holds a key without a value");
    for (int i = 0; i < pairs.size(); i += 2) {
      String key = as(String.class, pairs.get(i));
      require(target.put(key, pairs.get(i + 1)) == null, "it holds " + Shown.value(key) + " twice");
    }
  }

  /** {@code ('storage', class, key, device, elements)}. */
  private static Storage storage(List<?> id) throws Fault {
    require(id.size() == 5 && "storage".equals(id.get(0)), "its pickle refers to no storage");
    DType dtype = as(Global.class, id.get(1)).storage;
    require(dtype != null, "its pickle refers to no storage");
    long elements = as(Long.class, id.get(4));
    require(elements >= 0, "a storage has a negative size");
    return new Storage(dtype, as(String.class, id.get(2)), elements);
  }

  private void reduce() throws Fault {
    List<?> arguments = as(List.class, pop());
    Global function = as(Global.class, pop());
    switch (function) {
      case ORDERED_DICT -> {
        require(arguments.isEmpty(), "its pickle fills a dictionary in an unknown way");
        stack.push(new Dictionary(new LinkedHashMap<>()));
      }
      case REBUILD_TENSOR -> stack.push(view(arguments));
      case REBUILD_PARAMETER -> {
        require(!arguments.isEmpty(), "its pickle rebuilds a parameter from nothing");
        stack.push(as(View.class, arguments.get(0)));
      }
      default -> throw new Fault("its pickle calls " + function.name.replace(' ', '.'));
    }
  }

  /** {@code (storage, offset, sizes, strides, …)}, refused where it reaches past the storage. */
  private static View view(List<?> arguments) throws Fault {
    require(arguments.size() >= 4, "its pickle rebuilds a tensor from too little");
    Storage storage = as(Storage.class, arguments.get(0));
    long offset = as(Long.class, arguments.get(1));
    List<Long> shape = numbers(arguments.get(2));
    List<Long> strides = numbers(arguments.get(3));
    require(
        shape.size() == strides.size() && shape.size() <= MOST_DIMENSIONS && offset >= 0,
        "a tensor has sizes " + shape.size() + " and strides " + strides.size());
    try {
      long elements = shape.stream().reduce(1L, Math::multiplyExact);
      long end = offset;
      for (int i = 0; i < shape.size(); i++) {
        end = Math.addExact(end, Math.multiplyExact(Math.max(0, shape.get(i) - 1), strides.get(i)));
      }
      // A stride of 0 would make a few bytes into a tensor of any size.
      require(
          elements <= storage.elements() && (elements == 0 || end < storage.elements()),
          "a tensor of sizes " + shape + " reaches past its storage of " + storage.elements());
    } catch (ArithmeticException e) {
      throw new Fault("a tensor has sizes " + shape + ", more than any file holds");
    }
    return new View(storage, offset, shape, strides);
  }

  private static List<Long> numbers(Object tuple) throws Fault {
    List<Long> numbers = new ArrayList<>();
    for (Object value : as(List.class, tuple)) {
      long number = as(Long.class, value);
      require(number >= 0, "a tensor has a negative size or stride");
      numbers.add(number);
    }
    return List.copyOf(numbers);
  }

  /** Attributes of a dictionary, such as versions of modules, are left out. */
  private void skipState() throws Fault {
    pop();
    as(Dictionary.class, top());
  }

  private static <T> T as(Class<T> type, Object value) throws Fault {
    require(type.isInstance(value), "its pickle is not that of a dictionary of tensors");
    return type.cast(value);
  }

  private static void require(boolean holds, String fault) throws Fault {
    if (!holds) {
      throw new Fault(fault);
    }
  }
}
