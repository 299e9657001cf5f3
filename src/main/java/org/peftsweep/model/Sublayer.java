package org.peftsweep.model;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** Attention or feed-forward of a layer, with what a method adds around it. */
public final class Sublayer {
  /** Which of the two it is. */
  public enum Kind {
    ATTENTION,
    FEED_FORWARD
  }

  private final String name;
  private final Kind kind;
  private final int layer;
  private final int width;
  private final int keyWidth;
  private final Norm norm;
  private BlockAdapter adapter;
  private Prefix prefix;

  /**
   * @param name of the module that holds its last matrix
   * @param keyWidth columns of keys and values
   * @param norm after the residual sum, null where norms come before the sub-layer
   */
  Sublayer(String name, Kind kind, int layer, int width, int keyWidth, Norm norm) {
    this.name = name;
    this.kind = kind;
    this.layer = layer;
    this.width = width;
    this.keyWidth = keyWidth;
    this.norm = norm;
  }

  public String name() {
    return name;
  }

  public Kind kind() {
    return kind;
  }

  public int layer() {
    return layer;
  }

  /** Returns the columns of what it reads and gives. */
  public int width() {
    return width;
  }

  /** Returns the columns of keys and values in its attention. */
  public int keyWidth() {
    return keyWidth;
  }

  /** Returns the norm of a sum of the residual, null where norms come before the sub-layer. */
  public Norm norm() {
    return norm;
  }

  /** Returns what is added around it, or null. */
  public BlockAdapter adapter() {
    return adapter;
  }

  /** Returns what is put before keys and values, or null. */
  public Prefix prefix() {
    return prefix;
  }

  /** Attaches an adapter; there can be one. */
  public void attach(BlockAdapter added) {
    if (adapter != null) {
      throw new IllegalStateException("Cannot attach a second adapter to " + name);
    }
    adapter = added;
  }

  /** Attaches a prefix to an attention; there can be one. */
  public void attach(Prefix added) {
    if (prefix != null || kind != Kind.ATTENTION) {
      throw new IllegalStateException("Cannot attach this prefix to " + name);
    }
    prefix = added;
  }

  /** Whether it gives what its base does, as far as additions go. */
  boolean isOfBase() {
    return adapter == null && prefix == null;
  }

  /** Returns what is attached. */
  List<Addition> additions() {
    return Stream.<Addition>of(adapter, prefix).filter(Objects::nonNull).toList();
  }
}
