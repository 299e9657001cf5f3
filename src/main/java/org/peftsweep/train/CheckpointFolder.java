package org.peftsweep.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.codec.binary.Hex;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.data.FileFaults;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest two states of one trial, on any Hadoop file system.
 *
 * <p>A state is {@code step-<n>.safetensors} and {@code step-<n>.json}, which holds the former's
 * SHA-256, comes last and stands for both. Files are written under a name that readers ignore and
 * then renamed.
 */
public final class CheckpointFolder {
  private static final Logger LOG = LoggerFactory.getLogger(CheckpointFolder.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern MANIFEST = Pattern.compile("step-(\\d{1,9})\\.json");
  private static final int KEPT = 2;

  private final Path folder;
  private final Configuration configuration;

  public CheckpointFolder(Path folder, Configuration configuration) {
    this.folder = folder;
    this.configuration = configuration;
  }

  /**
   * Makes a state visible and removes all but the newest two.
   *
   * @throws UncheckedIOException if it cannot be written
   */
  void keep(int step, StateWriter state) {
    MessageDigest sha256 = DigestUtils.getSha256Digest();
    try {
      FileSystem files = folder.getFileSystem(configuration);
      publish(
          files,
          tensors(step),
          out -> state.write(Channels.newChannel(new DigestOutputStream(out, sha256))));
      Map<String, Object> manifest = new TreeMap<>();
      manifest.put("step", step);
      manifest.put("sha256", Hex.encodeHexString(sha256.digest()));
      publish(files, manifest(step), out -> out.write(JSON.writeValueAsBytes(manifest)));
      List<Integer> steps = steps(files);
      for (int old : steps.subList(Math.min(KEPT, steps.size()), steps.size())) {
        files.delete(manifest(old), false);
        files.delete(tensors(old), false);
      }
    } catch (IOException e) {
      throw FileFaults.cannot("keep a checkpoint in", folder, e);
    }
  }

  private interface Content {
    void write(OutputStream out) throws IOException;
  }

  private void publish(FileSystem files, Path target, Content content) throws IOException {
    Path hidden = new Path(folder, "." + target.getName() + "." + UUID.randomUUID());
    files.mkdirs(folder);
    try {
      FileFaults.checked(
          () -> {
            try (OutputStream out = files.create(hidden, false)) {
              content.write(out);
            }
          });
      // One of this step may be there: of a twin, or too broken to be read.
      files.delete(target, false);
      if (!files.rename(hidden, target) && !files.exists(target)) {
        throw new FileFaults.ReasonException(
            "a file there cannot be renamed to " + target.getName() + ", run the same again");
      }
    } finally {
      files.delete(hidden, false);
    }
  }

  /** Takes up the newest state that is whole; none where there is none. */
  boolean restore(Consumer<StateReader> receiver) {
    Optional<java.nio.file.Path> local = Optional.empty();
    try {
      local = newest();
      if (local.isPresent()) {
        try (StateReader reader = StateReader.open(local.get())) {
          receiver.accept(reader);
        }
      }
      return local.isPresent();
    } catch (IOException e) {
      LOG.warn("checkpoints={} not readable: {}", folder, e.getMessage());
      return false;
    } finally {
      delete(local.orElse(null));
    }
  }

  /** Returns a copy of the newest state whose checksum holds. */
  private Optional<java.nio.file.Path> newest() throws IOException {
    FileSystem files = folder.getFileSystem(configuration);
    for (int step : steps(files)) {
      java.nio.file.Path local = Files.createTempFile("peft-sweep-state", ".safetensors");
      try {
        copyWhole(files, step, local);
        return Optional.of(local);
      } catch (IOException | CheckpointException e) {
        LOG.warn("checkpoint={} left out: {}", tensors(step), e.getMessage());
        delete(local);
      }
    }
    return Optional.empty();
  }

  private void copyWhole(FileSystem files, int step, java.nio.file.Path local) throws IOException {
    JsonNode manifest;
    try (InputStream in = files.open(manifest(step))) {
      manifest = JSON.readTree(in);
    }
    try (InputStream in = files.open(tensors(step));
        OutputStream out = Files.newOutputStream(local)) {
      in.transferTo(out);
    }
    if (!manifest.path("sha256").asText().equals(sha256(local))) {
      throw new CheckpointException("its SHA-256 is not the one that was written");
    }
    StateReader.open(local).close();
  }

  /** Returns the steps of which there is a state, the newest first. */
  private List<Integer> steps(FileSystem files) throws IOException {
    List<Integer> steps = new ArrayList<>();
    try {
      for (FileStatus status : files.listStatus(folder)) {
        Matcher matcher = MANIFEST.matcher(status.getPath().getName());
        if (matcher.matches()) {
          steps.add(Integer.parseInt(matcher.group(1)));
        }
      }
    } catch (FileNotFoundException e) {
      return List.of();
    }
    steps.sort(Collections.reverseOrder());
    return steps;
  }

  /** Removes the folder, once the trial's row is there; what cannot be removed stays. */
  public void remove() {
    try {
      folder.getFileSystem(configuration).delete(folder, true);
    } catch (IOException e) {
      LOG.warn("checkpoints={} not removed: {}", folder, e.getMessage());
    }
  }

  private Path tensors(int step) {
    return new Path(folder, "step-" + step + ".safetensors");
  }

  private Path manifest(int step) {
    return new Path(folder, "step-" + step + ".json");
  }

  private static String sha256(java.nio.file.Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return DigestUtils.sha256Hex(in);
    }
  }

  private static void delete(java.nio.file.Path local) {
    if (local != null) {
      local.toFile().delete();
    }
  }
}
