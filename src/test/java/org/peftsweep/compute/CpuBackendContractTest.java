package org.peftsweep.compute;

import org.junit.jupiter.api.Nested;
import org.peftsweep.compute.cpu.CpuBackend;

/** Holds the {@code cpu} backend to what every backend promises, with one thread and with two. */
class CpuBackendContractTest {
  @Nested
  class Kernels extends KernelContract {
    @Override
    protected Backend open() {
      return new CpuBackend(1);
    }
  }

  @Nested
  class KernelsOfTwoThreads extends KernelContract {
    @Override
    protected Backend open() {
      return new CpuBackend(2);
    }
  }

  @Nested
  class Storage extends StorageContract {
    @Override
    protected Backend open() {
      return new CpuBackend(1);
    }
  }

  @Nested
  class StorageOfTwoThreads extends StorageContract {
    @Override
    protected Backend open() {
      return new CpuBackend(2);
    }
  }

  @Nested
  class Quantised extends QuantisedContract {
    @Override
    protected Backend open() {
      return new CpuBackend(1);
    }
  }

  @Nested
  class QuantisedOnTwoThreads extends QuantisedContract {
    @Override
    protected Backend open() {
      return new CpuBackend(2);
    }
  }

  @Nested
  class IndexAndLoss extends IndexAndLossContract {
    @Override
    protected Backend open() {
      return new CpuBackend(2);
    }
  }

  @Nested
  class Norms extends NormContract {
    @Override
    protected Backend open() {
      return new CpuBackend(2);
    }
  }

  @Nested
  class Attention extends AttentionContract {
    @Override
    protected Backend open() {
      return new CpuBackend(2);
    }
  }

  @Nested
  class TapeOnCpu extends TapeContract {
    @Override
    protected Backend open() {
      return new CpuBackend(2);
    }
  }
}
