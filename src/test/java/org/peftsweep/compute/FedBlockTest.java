package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FedBlockTest {
  /** Numbers of drawn lengths, with tensors of others between some of them. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void bringsEachNumberToItsPlaceAndLeavesAllElse(long seed) {
    Random draw = new Random(seed);
    try (Backend backend = Backends.open("cpu", 1);
        Arena arena = new Arena(backend, 512)) {
      List<FedBlock.Part> parts = new ArrayList<>();
      List<float[]> wanted = new ArrayList<>();
      List<Tensor> others = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        int length = 1 + draw.nextInt(90);
        if (draw.nextInt(4) == 0) {
          Tensor other = arena.take(length);
          backend.fill(other, 7);
          others.add(other);
        } else {
          float[] values = new float[length];
          for (int j = 0; j < length; j++) {
            values[j] = (float) draw.nextGaussian();
          }
          wanted.add(values);
          parts.add(FedBlock.Part.ofFloats(() -> values, arena.take(length)));
        }
      }
      List<FedBlock> blocks = FedBlock.of(parts);
      assertThat(blocks).hasSizeBetween(2, parts.size() - 5);
      blocks.forEach(block -> block.write(backend));
      for (int i = 0; i < parts.size(); i++) {
        assertThat(read(backend, parts.get(i).place())).isEqualTo(wanted.get(i));
      }
      others.forEach(other -> assertThat(read(backend, other)).containsOnly(7));
    }
  }

  private static float[] read(Backend backend, Tensor tensor) {
    float[] values = new float[(int) tensor.size()];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  @Test
  void takesAsManyNumbersAsThereIsRoomFor() {
    try (Backend backend = Backends.open("cpu", 1);
        Arena arena = new Arena(backend, 512)) {
      Tensor place = arena.take(ElementType.I32, 3);
      FedBlock block = FedBlock.of(List.of(new FedBlock.Part(() -> new int[4], place))).get(0);
      assertThatThrownBy(() -> block.write(backend)).isInstanceOf(IllegalArgumentException.class);
      assertThat(FedBlock.of(List.of())).isEmpty();
    }
  }
}
