package org.peftsweep.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
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
    FakeMachine here = new FakeMachine();
    leave(holder -> holder.put("pid", dead.pid()));
    Lease.take(folder, new Configuration(), QUICK, () -> {}, here).close();
    assertThat(here.slept).isEqualTo(QUICK.settle());
  }

  @Test
  void takesOverFromAProcessWhoseIdAnotherHasNow() throws Exception {
    leave(holder -> holder.put("pidStarted", 1));
    take().close();
  }

  /** A holder that lives is never robbed, wherever it is and however clocks are set. */
  @Test
  void keepsOffALivingLeaseWhateverTheClocksSay() throws Exception {
    Random random = new Random(5);
    for (int i = 0; i < 40; i++) {
      long skew = random.nextLong(-TimeUnit.DAYS.toMillis(400), TimeUnit.DAYS.toMillis(400));
      boolean isHere = random.nextBoolean();
      leave(
          holder -> {
            holder.put("since", holder.get("since").asLong() + skew);
            if (!isHere) {
              holder.put(random.nextBoolean() ? "boot" : "pidSpace", "elsewhere");
            }
          });
      Files.setLastModifiedTime(
          file, FileTime.fromMillis(Math.max(0, System.currentTimeMillis() + skew)));
      FakeMachine machine = new FakeMachine();
      long after = random.nextLong(QUICK.stale().toNanos());
      machine.onSleep =
          now -> {
            if (!isHere && now >= after) {
              Files.writeString(
                  file, Files.readString(file).replaceAll("\"beat\":\\d+", "\"beat\":" + now));
            }
          };
      assertThatThrownBy(() -> Lease.take(folder, new Configuration(), QUICK, () -> {}, machine))
          .isInstanceOf(HeldException.class);
    }
  }

  @Test
  void takesOverWhatDoesNotChangeForAWholeSpanOfItsOwnClock() throws Exception {
    Random random = new Random(6);
    for (int i = 0; i < 20; i++) {
      long skew = random.nextLong(-TimeUnit.DAYS.toMillis(400), TimeUnit.DAYS.toMillis(400));
      leave(
          holder ->
              holder.put("host", "elsewhere").put("since", holder.get("since").asLong() + skew));
      FakeMachine machine = new FakeMachine();
      Lease.take(folder, new Configuration(), QUICK, () -> {}, machine).close();
      assertThat(machine.slept).isGreaterThanOrEqualTo(QUICK.stale().plus(QUICK.settle()));
    }
  }

  @Test
  void takesOverAFileThatWasLeftHalfWritten() throws Exception {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "{\"token\":");
    take().close();
    assertThat(file).doesNotExist();
  }

  @Test
  void staysFreshForLongerThanItsSpan() throws Exception {
    try (Lease held = take()) {
      long first = beat();
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (beat() <= first + 3 && System.nanoTime() < until) {
        Thread.sleep(10);
      }
      assertThat(beat()).isGreaterThan(first + 3);
    }
  }

  @Test
  void tellsAHolderThatItWasTakenAway() throws Exception {
    CountDownLatch lost = new CountDownLatch(1);
    Lease held = Lease.take(folder, new Configuration(), QUICK, lost::countDown);
    leave(holder -> holder.put("host", "elsewhere"));
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

  /** Leaves the file of another driver, which lives in this process unless changed. */
  private void leave(Consumer<ObjectNode> change) throws Exception {
    ObjectNode holder;
    try (Lease own =
        Lease.take(
            new ResultFolder(new org.apache.hadoop.fs.Path(output + "/other"), new Configuration()),
            new Configuration(),
            new Lease.Timing(Duration.ofHours(1), Duration.ofHours(1), Duration.ZERO),
            () -> {})) {
      holder = (ObjectNode) JSON.readTree(output.resolve("other/" + Lease.NAME).toFile());
    }
    holder.put("token", "another");
    change.accept(holder);
    Files.createDirectories(file.getParent());
    Path whole = Files.writeString(output.resolve("lease"), holder.toString());
    Files.move(whole, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
  }

  /** What happens while a taker sleeps. */
  private interface Happening {
    void at(long nanos) throws IOException;
  }

  /** This machine, on which time passes only in sleep. */
  private static final class FakeMachine implements Machine {
    private Duration slept = Duration.ZERO;
    private Happening onSleep = nanos -> {};

    @Override
    public String host() {
      return HERE.host();
    }

    @Override
    public String boot() {
      return HERE.boot();
    }

    @Override
    public String pidSpace() {
      return HERE.pidSpace();
    }

    @Override
    public long pid() {
      return HERE.pid();
    }

    @Override
    public long started(long pid) {
      return HERE.started(pid);
    }

    @Override
    public long nanos() {
      return slept.toNanos();
    }

    @Override
    public void sleep(Duration time) {
      slept = slept.plus(time);
      try {
        onSleep.at(nanos());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
