package org.peftsweep.compute.cuda;

/** What lies between two kernels, each in memory of its own. */
enum Room {
  LEFT_FACTOR,
  FIRST_WRITTEN,
  SECOND_WRITTEN,
  RIGHT_FACTOR,
  PARTIAL_SUMS,
  NUMBERS
}
