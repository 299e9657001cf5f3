package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.CheckpointException;

/** The registry of architectures, and what it takes to add one. */
class ArchitecturesTest {
  private static final Path SOURCES = Path.of("src/main/java/org/peftsweep");

  @TempDir Path folder;

  @Test
  void holdsEveryArchitectureOfThisPackage() throws IOException {
    try (var files = Files.list(SOURCES.resolve("model"))) {
      List<String> here =
          files
              .map(file -> file.getFileName().toString().replace(".java", ""))
              .filter(name -> name.endsWith("Architecture"))
              .filter(name -> !Set.of("ModelArchitecture", "DecoderArchitecture").contains(name))
              .toList();
      assertThat(Architectures.all())
          .extracting(architecture -> architecture.getClass().getSimpleName())
          .containsExactlyInAnyOrderElementsOf(here);
    }
    assertThat(Architectures.all())
        .flatExtracting(Architecture::modelTypes)
        .doesNotHaveDuplicates()
        .isNotEmpty();
    assertThat(Architectures.all()).allMatch(ModelArchitecture.class::isInstance);
  }

  @Test
  void refusesAModelTypeThatNobodyHas() {
    assertThatThrownBy(() -> Architectures.of("gpt_neox", "config.json"))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "Cannot use model_type = gpt_neox in config.json: choose one of [roberta, xlm-roberta,"
                + " camembert, bert, llama, mistral, qwen2, qwen3, electra, distilbert, gpt2, gemma2,"
                + " mpnet, deberta-v2, modernbert], of which llama is most like it");
    assertThatThrownBy(() -> Architectures.of("t5", "config.json"))
        .isInstanceOf(CheckpointException.class)
        .message()
        .endsWith("modernbert]");
  }

  @Test
  void relativesAreNobodysOwnAndOfOneArchitecture() {
    assertThat(Architectures.all())
        .flatExtracting(Architecture::relatives)
        .doesNotHaveDuplicates()
        .doesNotContainAnyElementsOf(
            Architectures.all().stream().flatMap(kind -> kind.modelTypes().stream()).toList());
  }

  /** What is added touches the services file alone. */
  @Test
  void noOtherCodeTellsArchitecturesApart() throws IOException {
    List<String> names =
        Architectures.all().stream()
            .map(architecture -> architecture.getClass().getSimpleName())
            .toList();
    try (var files = Files.walk(SOURCES)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String text = Files.readString(file);
        for (String name : names) {
          if (!file.endsWith(name + ".java")) {
            assertThat(text).as("%s", file).doesNotContainPattern("\\b" + name + "\\b");
          }
        }
      }
    }
  }

  /** The program again in a class loader whose services name one architecture more. */
  @Test
  void anAddedOneIsReadBuiltAndTrainedWithoutAChangeElsewhere() throws Exception {
    Path more = folder.resolve("classes");
    Path services = more.resolve("META-INF/services/" + Architecture.class.getName());
    Files.createDirectories(services.getParent());
    Files.writeString(services, AddedArchitecture.class.getName() + "\n");
    URL[] places = {
      more.toUri().toURL(), place(Architecture.class), place(AddedArchitecture.class)
    };
    try (Apart apart = new Apart(places)) {
      Class<?> added = apart.loadClass(AddedArchitecture.class.getName());
      assertThat(added).isNotEqualTo(AddedArchitecture.class);
      added.getMethod("prove", Path.class).invoke(null, folder.resolve("model"));
    }
  }

  private static URL place(Class<?> type) {
    return type.getProtectionDomain().getCodeSource().getLocation();
  }

  /** Loads the program's classes anew, and libraries as they are. */
  private static final class Apart extends URLClassLoader {
    Apart(URL... places) {
      super(places, ArchitecturesTest.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith("org.peftsweep.")) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        return loaded == null ? findClass(name) : loaded;
      }
    }
  }
}
