package org.peftsweep.train;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.spec.ModelSource;

/**
 * Brings a model's or adapter's folder onto this machine's disk, where its weights can be mapped
 * into memory.
 */
final class ModelFolders {
  private static final List<String> BUILT_IN_FILES =
      List.of("config.json", "model.safetensors", "tokenizer.json");

  private final Configuration hadoop;

  ModelFolders(Configuration hadoop) {
    this.hadoop = hadoop;
  }

  /** Returns a local folder with the files of a location. */
  Path local(String location) {
    try {
      if (location.startsWith(ModelSource.BUILT_IN)) {
        return extract(location.substring(ModelSource.BUILT_IN.length()));
      }
      return fetch(new org.apache.hadoop.fs.Path(location));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read model " + location + ": " + e.getMessage(), e);
    }
  }

  /** Returns SHA-256 over configuration, weights and tokenizer files, by name and content. */
  String contentHash(Path folder) {
    MessageDigest digest = DigestUtils.getSha256Digest();
    try (var files = Files.list(folder)) {
      for (Path file : files.filter(ModelFolders::decides).sorted().toList()) {
        DigestUtils.updateDigest(digest, file.getFileName() + "\n" + Files.size(file) + "\n");
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
          in.transferTo(java.io.OutputStream.nullOutputStream());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + folder + ": " + e.getMessage(), e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static boolean decides(Path file) {
    String name = file.getFileName().toString();
    return name.equals("config.json")
        || name.endsWith(".safetensors")
        || name.endsWith(".safetensors.index.json")
        || name.equals("adapter_config.json")
        || name.equals("adapter_model.bin")
        || name.startsWith("tokenizer")
        || name.equals("vocab.json")
        || name.equals("merges.txt")
        || name.equals("vocab.txt");
  }

  private static Path extract(String name) throws IOException {
    Path folder = temporary();
    for (String file : BUILT_IN_FILES) {
      String resource = "/models/" + name + "/" + file;
      try (InputStream in = ModelFolders.class.getResourceAsStream(resource)) {
        if (in == null) {
          throw new CheckpointException(
              "Cannot find model "
                  + ModelSource.BUILT_IN
                  + name
                  + ": give builtin:mini or a folder");
        }
        Files.copy(in, folder.resolve(file));
      }
    }
    return folder;
  }

  private Path fetch(org.apache.hadoop.fs.Path location) throws IOException {
    FileSystem files = location.getFileSystem(hadoop);
    if (!files.exists(location)) {
      throw new CheckpointException(
          "Cannot find folder "
              + location
              + ": give builtin:mini, a folder with config.json, model.safetensors and a tokenizer, or"
              + " for an adapter one with adapter_config.json");
    }
    if (files.getScheme().equals("file")) {
      return Path.of(files.resolvePath(location).toUri().getPath());
    }
    Path folder = temporary();
    for (FileStatus status : files.listStatus(location)) {
      Path target = folder.resolve(status.getPath().getName());
      if (status.isFile() && (decides(target) || target.toString().endsWith(".model"))) {
        try (InputStream in = files.open(status.getPath())) {
          Files.copy(in, target);
        }
      }
    }
    return folder;
  }

  private static Path temporary() throws IOException {
    Path folder = Files.createTempDirectory("peft-sweep-model");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
    return folder;
  }

  private static void delete(Path folder) {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      // The system clears its temporary folder in time.
      return;
    }
  }
}
