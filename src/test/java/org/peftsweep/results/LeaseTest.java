package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeaseTest {
  private static final Lease.Timing QUICK =
      new Lease.Timing(Duration.ofMillis(50), Duration.ofMillis(500), Duration.ofMillis(200));
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path output;
  private ResultFolder folder;
  private Path file;

  @BeforeEach
  void makeFolder() {
    folder = new ResultFolder(new org.apache.hadoop.fs.Path(output + "/s"), new Configuration());
    file = output.resolve("s/" + Lease.NAME);
  }

  @Test
  void saysWhoHoldsIt() throws Exception {
    try (Lease held = take()) {
      assertThatThrownBy(this::take)
          .isInstanceOf(HeldException.class)
          .hasMessageMatching(
              "Cannot run s: process "
                  + ProcessHandle.current().pid()
                  + " on \\S+ has run it since \\S+Z; wait for its end with --wait, or stop it");
    }
    take().close();
    assertThat(file).doesNotExist();
  }

  @Test
  void takesOverFromADeadProcessOfThisMachineAtOnce() throws Exception {
    Process dead = new ProcessBuilder("true").start();
    dead.waitFor();
    leave(dead.pid(), "same", System.currentTimeMillis());
    take().close();
  }

  @Test
  void keepsOffALeaseOfAnotherMachineWhileItLives() throws Exception {
    leave(1, "elsewhere", System.currentTimeMillis());
    assertThatThrownBy(this::take).hasMessageContaining("process 1 on elsewhere");
    leave(1, "elsewhere", System.currentTimeMillis() - 600);
    take().close();
  }

  @Test
  void takesOverAFileThatWasLeftHalfWritten() throws Exception {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "{\"token\":");
    assertThatThrownBy(this::take).hasMessageContaining("just starting");
    Thread.sleep(600);
    take().close();
  }

  @Test
  void staysFreshForLongerThanItsSpan() throws Exception {
    try (Lease held = take()) {
      long first = beat();
      Thread.sleep(700);
      assertThat(beat()).isGreaterThan(first + 500);
    }
  }

  @Test
  void tellsAHolderThatItWasTakenAway() throws Exception {
    CountDownLatch lost = new CountDownLatch(1);
    Lease held = Lease.take(folder, new Configuration(), QUICK, lost::countDown);
    leave(1, "elsewhere", System.currentTimeMillis());
    assertThat(lost.await(5, TimeUnit.SECONDS)).isTrue();
    held.close();
    assertThat(file).content().contains("elsewhere");
  }

  @Test
  void goesToOneOfManyAtOnce() throws Exception {
    int drivers = 8;
    ExecutorService pool = Executors.newFixedThreadPool(drivers);
    List<Callable<Lease>> all = new ArrayList<>();
    for (int i = 0; i < drivers; i++) {
      all.add(this::take);
    }
    int taken = 0;
    for (Future<Lease> each : pool.invokeAll(all)) {
      try {
        each.get().close();
        taken++;
      } catch (ExecutionException e) {
        assertThat(e.getCause()).isInstanceOf(HeldException.class);
      }
    }
    pool.shutdown();
    assertThat(taken).isEqualTo(1);
  }

  private Lease take() throws InterruptedException {
    return Lease.take(folder, new Configuration(), QUICK, () -> {});
  }

  private long beat() throws IOException {
    return JSON.readTree(file.toFile()).get("beat").asLong();
  }

  /** Leaves the file of another driver. */
  private void leave(long pid, String host, long beat) throws Exception {
    ObjectNode holder;
    try (Lease own =
        Lease.take(
            new ResultFolder(new org.apache.hadoop.fs.Path(output + "/other"), new Configuration()),
            new Configuration(),
            QUICK,
            () -> {})) {
      holder = (ObjectNode) JSON.readTree(output.resolve("other/" + Lease.NAME).toFile());
    }
    holder.put("token", "another").put("pid", pid).put("beat", beat);
    if (!host.equals("same")) {
      holder.put("host", host);
    }
    Files.createDirectories(file.getParent());
    Path whole = Files.writeString(output.resolve("lease"), holder.toString());
    Files.move(whole, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
  }
}
