package org.peftsweep.compute.samediff;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/**
 * Which variables of a graph the memory of tensors stands for: kernels write into memory, a graph's
 * variables never change.
 *
 * <p>A tensor is a variable {@code [rows, columns]}. One that was written in parts, or is a part,
 * is made of slices of what was written; what nothing has written comes from a {@link Source}.
 */
final class Values {
  /** Makes variables of what lies in memory before anything is recorded. */
  interface Source {
    /** Returns what a tensor is part of, itself if nothing else is known of it. */
    Tensor whole(Tensor leaf);

    /** Returns {@code [rows, columns]} of the values of a tensor. */
    SDVariable of(Tensor leaf);
  }

  /**
   * A stretch of memory, in floats.
   *
   * @param from of the memory's floats
   * @param to end of it
   * @param variable whose row-major elements are there
   * @param columns of the variable
   * @param skipped elements of the variable before those
   * @param isWhole whether those are all
   * @param isLeaf whether the memory holds them itself
   */
  private record Piece(
      long from,
      long to,
      SDVariable variable,
      int columns,
      long skipped,
      boolean isWhole,
      boolean isLeaf) {
    Piece part(long start, long end) {
      return new Piece(start, end, variable, columns, skipped + start - from, false, isLeaf);
    }
  }

  private final SameDiff graph;
  private final Source source;
  private final Map<Memory, NavigableMap<Long, Piece>> pieces = new IdentityHashMap<>();

  Values(SameDiff graph, Source source) {
    this.graph = graph;
    this.source = source;
  }

  /** Returns what a tensor holds, {@code [rows, columns]}. */
  SDVariable of(Tensor tensor) {
    long from = from(tensor);
    long to = to(tensor);
    NavigableMap<Long, Piece> all = pieces.computeIfAbsent(tensor.memory(), m -> new TreeMap<>());
    List<Piece> within = overlapping(all, from, to);
    if (within.isEmpty()) {
      Tensor whole = source.whole(tensor);
      SDVariable leaf = source.of(whole);
      all.put(from(whole), new Piece(from(whole), to(whole), leaf, whole.columns(), 0, true, true));
      return of(tensor);
    }
    Piece first = within.get(0);
    if (first.from <= from && first.to >= to) {
      boolean isAll = first.from == from && first.to == to && first.isWhole;
      return isAll && first.columns == tensor.columns()
          ? first.variable
          : graph.reshape(slice(first, from, to), -1, tensor.columns());
    }
    List<SDVariable> parts = new ArrayList<>();
    long at = from;
    for (Piece piece : within) {
      if (piece.from > at) {
        parts.add(gap(tensor, all, at, piece.from));
      }
      at = Math.min(to, piece.to);
      parts.add(slice(piece, Math.max(from, piece.from), at));
    }
    if (at < to) {
      parts.add(gap(tensor, all, at, to));
    }
    return graph.reshape(graph.concat(0, parts.toArray(SDVariable[]::new)), -1, tensor.columns());
  }

  /** Says what a tensor holds from here on. */
  void set(Tensor tensor, SDVariable value) {
    forget(tensor);
    long from = from(tensor);
    pieces
        .get(tensor.memory())
        .put(from, new Piece(from, to(tensor), value, tensor.columns(), 0, true, false));
  }

  /** Says that a tensor's memory holds its values itself. */
  void forget(Tensor tensor) {
    long from = from(tensor);
    long to = to(tensor);
    NavigableMap<Long, Piece> all = pieces.computeIfAbsent(tensor.memory(), m -> new TreeMap<>());
    for (Piece piece : overlapping(all, from, to)) {
      all.remove(piece.from);
      if (piece.from < from) {
        all.put(piece.from, piece.part(piece.from, from));
      }
      if (piece.to > to) {
        all.put(to, piece.part(to, piece.to));
      }
    }
  }

  /** Forgets all of a memory. */
  void forget(Memory memory) {
    pieces.remove(memory);
  }

  /** Whether some of a tensor's values are not in its memory. */
  boolean isRecorded(Tensor tensor) {
    NavigableMap<Long, Piece> all = pieces.get(tensor.memory());
    return all != null
        && overlapping(all, from(tensor), to(tensor)).stream().anyMatch(piece -> !piece.isLeaf);
  }

  private static List<Piece> overlapping(NavigableMap<Long, Piece> all, long from, long to) {
    List<Piece> found = new ArrayList<>();
    Map.Entry<Long, Piece> before = all.lowerEntry(from);
    if (before != null && before.getValue().to > from) {
      found.add(before.getValue());
    }
    found.addAll(all.subMap(from, to).values());
    return found;
  }

  /** Returns some elements of what is nowhere else, {@code [n]}. */
  private SDVariable gap(Tensor tensor, NavigableMap<Long, Piece> all, long from, long to) {
    int count = Math.toIntExact(to - from);
    Tensor leaf = new Tensor(tensor.type(), tensor.memory(), from, count);
    SDVariable made = source.of(leaf);
    all.put(from, new Piece(from, to, made, count, 0, true, true));
    return graph.reshape(made, -1);
  }

  /** Returns some elements of a piece, {@code [n]}. */
  private SDVariable slice(Piece piece, long from, long to) {
    SDVariable flat = graph.reshape(piece.variable, -1);
    if (piece.isWhole && piece.from == from && piece.to == to) {
      return flat;
    }
    int skipped = Math.toIntExact(piece.skipped + from - piece.from);
    return graph.slice(flat, new int[] {skipped}, Math.toIntExact(to - from));
  }

  private static long from(Tensor tensor) {
    return tensor.type().floats(tensor.offset());
  }

  private static long to(Tensor tensor) {
    return from(tensor) + tensor.type().floats(tensor.size());
  }
}
