package org.peftsweep.chaos;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/** The cluster and the driver, as the job scripts start them; logs lie in the folder. */
final class Processes implements AutoCloseable {
  /** What can be killed. */
  enum Victim {
    DRIVER,
    EXECUTOR,
    WORKER,
    MASTER
  }

  private static final List<String> WORKERS = List.of("worker-1", "worker-2");

  private final Path folder;
  private final Map<String, String> variables = new HashMap<>();
  private Process driver;
  private int starts;

  Processes(Path folder) throws IOException {
    this.folder = folder;
    int port = freePort();
    variables.put("MASTER_PORT", Integer.toString(port));
    variables.put("MASTER_UI_PORT", Integer.toString(freePort()));
    variables.put("CLUSTER_FOLDER", folder.resolve("cluster").toString());
    variables.put("MASTER", "spark://127.0.0.1:" + port);
    variables.put("MEMORY", "512m");
  }

  /** Starts what of the cluster does not run. */
  void startCluster() throws IOException, InterruptedException {
    Process script = script("cluster.log", "jobs/cluster.sh", "start");
    if (script.waitFor() != 0) {
      throw new IOException(
          "Cannot start the cluster: " + Files.readString(folder.resolve("cluster.log")));
    }
  }

  /** Starts the sweep; the same command each time. */
  void startDriver(Path sweep, Path output) throws IOException {
    driver = script("driver.log", "jobs/sweep.sh", sweep.toString(), "--output", output.toString());
    starts++;
  }

  boolean isDriverAlive() {
    return driver != null && driver.isAlive();
  }

  /** Waits for the driver's end and returns its exit code, or -1 after so many seconds. */
  int awaitDriver(int seconds) throws InterruptedException {
    return driver.waitFor(seconds, TimeUnit.SECONDS) ? driver.exitValue() : -1;
  }

  int starts() {
    return starts;
  }

  /** Kills a process of that kind with signal 9; false where none runs. */
  boolean kill(Victim victim, SplittableRandom random) throws IOException, InterruptedException {
    List<ProcessHandle> candidates = new ArrayList<>();
    switch (victim) {
      case DRIVER -> {
        if (isDriverAlive()) {
          candidates.add(driver.toHandle());
        }
      }
      case MASTER -> daemon("master").ifPresent(candidates::add);
      case WORKER -> WORKERS.forEach(name -> daemon(name).ifPresent(candidates::add));
      case EXECUTOR ->
          WORKERS.forEach(
              name -> daemon(name).ifPresent(worker -> worker.children().forEach(candidates::add)));
    }
    if (candidates.isEmpty()) {
      return false;
    }
    ProcessHandle chosen = candidates.get(random.nextInt(candidates.size()));
    chosen.destroyForcibly();
    for (int i = 0; i < 100 && chosen.isAlive(); i++) {
      Thread.sleep(50);
    }
    return true;
  }

  /** Ends the driver and the cluster. */
  @Override
  public void close() throws IOException, InterruptedException {
    if (isDriverAlive()) {
      driver.destroyForcibly().waitFor();
    }
    script("cluster.log", "jobs/cluster.sh", "stop").waitFor();
  }

  private Optional<ProcessHandle> daemon(String name) {
    try {
      String pid = Files.readString(folder.resolve("cluster/" + name + ".pid")).strip();
      return ProcessHandle.of(Long.parseLong(pid)).filter(ProcessHandle::isAlive);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private Process script(String log, String... command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(variables);
    File file = folder.resolve(log).toFile();
    return builder.redirectOutput(ProcessBuilder.Redirect.appendTo(file)).start();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
