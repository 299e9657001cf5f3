package org.peftsweep.model;

import java.util.Locale;

/** What a parameter does in a transformer; targets and learning rates are rules on roles. */
public enum Role {
  QUERY,
  KEY,
  VALUE,
  OUTPUT,
  FFN_GATE,
  FFN_UP,
  FFN_DOWN,
  EMBEDDING,
  NORM,
  POOLER,
  HEAD;

  /** Returns the name in sweep files and tables: {@code query}, {@code ffn-up} … */
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
