package org.peftsweep.results;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What a {@link Lease} asks of the machine that it is taken on. No answer depends on the wall
 * clock, which is set and differs between machines.
 */
interface Machine {
  /** The machine that this program runs on. */
  Machine HERE =
      new Machine() {
        @Override
        public String host() {
          return Optional.ofNullable(Provenance.hostName()).orElse("an unnamed host");
        }

        @Override
        public String boot() {
          return text(Path.of("/proc/sys/kernel/random/boot_id"));
        }

        @Override
        public String pidSpace() {
          try {
            return Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
          } catch (IOException | UnsupportedOperationException e) {
            return "";
          }
        }

        @Override
        public long pid() {
          return ProcessHandle.current().pid();
        }

        @Override
        public long started(long pid) {
          String stat = text(Path.of("/proc/" + pid + "/stat"));
          if (!stat.isEmpty()) {
            // The name of the program may hold spaces and parentheses.
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            boolean isDead = fields[0].equals("Z") || fields[0].equals("X");
            return isDead ? GONE : Long.parseLong(fields[19]);
          }
          return boot().isEmpty()
              ? ProcessHandle.of(pid)
                  .flatMap(process -> process.info().startInstant())
                  .map(Instant::toEpochMilli)
                  .orElse(GONE)
              : GONE;
        }

        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public void sleep(Duration time) throws InterruptedException {
          Thread.sleep(time.toMillis());
        }

        private static String text(Path file) {
          try {
            return Files.readString(file).strip();
          } catch (IOException e) {
            return "";
          }
        }
      };

  /** No process. */
  long GONE = -1;

  String host();

  /** Names the time since the machine was started; empty where the system has no such name. */
  String boot();

  /** Names the space within which process ids are unique: containers have their own. */
  String pidSpace();

  long pid();

  /** Returns when a process was started, in ticks since the machine was; {@link #GONE} for none. */
  long started(long pid);

  /** Returns a time that only runs forward, in ns. */
  long nanos();

  void sleep(Duration time) throws InterruptedException;
}
