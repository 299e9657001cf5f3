package org.peftsweep.compute;

import org.peftsweep.compute.nd4j.Nd4jBackend;

class Nd4jQuantisedTest extends QuantisedContract {
  @Override
  protected Backend open() {
    return new Nd4jBackend(1);
  }
}
