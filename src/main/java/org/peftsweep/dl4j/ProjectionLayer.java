package org.peftsweep.dl4j;

/** A projection of an exported model that nothing adapts: {@code y = Wx + b} with its own names. */
public final class ProjectionLayer extends RecordedLayer {
  /** For Jackson. */
  ProjectionLayer() {}
}
