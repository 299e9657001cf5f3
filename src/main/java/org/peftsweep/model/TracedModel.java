package org.peftsweep.model;

/** A model whose hidden states can be looked at; for tests against reference numbers. */
interface TracedModel extends Model {
  /** Shows hidden states of the coming forward passes; null ends it. */
  void trace(Trace trace);
}
