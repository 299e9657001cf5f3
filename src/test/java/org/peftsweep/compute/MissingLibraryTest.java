package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MissingLibraryTest {
  /** The words of Java 17 for a class that failed before, with and without a cause. */
  @ParameterizedTest
  @ValueSource(strings = {"libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13", "libcublas.so"})
  void whoAsksLaterIsToldTheLibraryToo(String library) {
    Throwable first =
        new UnsatisfiedLinkError("no jnicudart in java.library.path")
            .initCause(
                new UnsatisfiedLinkError(
                    library + ": cannot open shared object file: No such file"));
    assertThat(MissingLibrary.of(first)).hasValue(library);
    Throwable later =
        new NoClassDefFoundError("Could not initialize class org.bytedeco.cuda.global.cudart");
    assertThat(MissingLibrary.of(later)).hasValue(library);
    later.initCause(
        new ExceptionInInitializerError("Exception java.lang.UnsatisfiedLinkError: no jnicudart"));
    assertThat(MissingLibrary.of(later)).hasValue(library);
  }

  @Test
  void otherErrorsNameNone() {
    assertThat(MissingLibrary.of(new UnsatisfiedLinkError("no jnicudart in java.library.path")))
        .isEmpty();
  }
}
