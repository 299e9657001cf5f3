package org.peftsweep.compute;

import org.junit.jupiter.api.Nested;
import org.peftsweep.compute.cuda.EmulatedBackends;

/** Holds the {@code cuda} backend, on an emulated device, to what every backend promises. */
class CudaBackendContractTest {
  @Nested
  class Kernels extends KernelContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.open(1);
    }
  }

  @Nested
  class Storage extends StorageContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.open(2);
    }
  }

  @Nested
  class Quantised extends QuantisedContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.open(7);
    }
  }

  @Nested
  class IndexAndLoss extends IndexAndLossContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.open(3);
    }
  }

  @Nested
  class Norms extends NormContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.open(4);
    }
  }

  @Nested
  class Attention extends AttentionContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.open(5);
    }
  }

  @Nested
  class AttentionOnTensorCores extends AttentionContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.openWithTensorCores(8);
    }
  }

  @Nested
  class AttentionOfHalves extends AttentionContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.openWithTensorCores(10);
    }

    @Override
    ElementType factors() {
      return ElementType.BF16;
    }
  }

  @Nested
  class TapeOnCuda extends TapeContract {
    @Override
    protected Backend open() {
      return EmulatedBackends.open(6);
    }
  }
}
