package org.peftsweep.compute;

/** What all families of a tape's operations work with. */
abstract class Operations {
  final Recording step;
  final Backend backend;
  final Arena arena;
  final Gradients gradients;

  Operations(Recording step) {
    this.step = step;
    this.backend = step.backend();
    this.arena = step.arena();
    this.gradients = step.gradients();
  }
}
