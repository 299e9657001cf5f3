package org.peftsweep.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class HostMemoryTest {
  @Test
  void whatIsReorderedIsMadeOnceAndFreedWithTheMemory() {
    HostMemory memory = HostMemory.shared(8);
    HostMemory made = memory.reordered("key", () -> new HostMemory(4));
    assertThat(memory.reordered("key", () -> new HostMemory(4))).isSameAs(made);
    assertThat(memory.reordered("another", () -> new HostMemory(4))).isNotSameAs(made);
    memory.free();
    assertThatThrownBy(() -> made.address(0)).hasMessage("Cannot use memory that was freed");
    assertThatThrownBy(() -> memory.reordered("key", () -> new HostMemory(4)))
        .hasMessage("Cannot use memory that was freed");
  }
}
