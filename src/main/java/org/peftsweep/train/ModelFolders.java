package org.peftsweep.train;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.TensorFile;
import org.peftsweep.data.FileFaults;
import org.peftsweep.spec.ModelSource;

/**
 * Brings a model's or adapter's folder onto this machine's disk, where its weights can be mapped
 * into memory.
 */
final class ModelFolders {
  private static final List<String> BUILT_IN_FILES =
      List.of("config.json", "model.safetensors", "tokenizer.json");

  /** Files of SentencePiece besides tokenizer.model, and tokenizers that come before them. */
  private static final Set<String> PIECES =
      Set.of("spm.model", "sentencepiece.bpe.model", "added_tokens.json");

  private static final List<String> OTHERS = List.of("tokenizer.json", "vocab.json", "vocab.txt");

  private static final String WANTED =
      "give builtin:mini, a folder with config.json, model.safetensors and a tokenizer, or for an"
          + " adapter one with adapter_config.json";

  /** How names of copies begin. */
  private static final String COPY = "peft-sweep-model";

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
      throw FileFaults.cannot("read model", location, e);
    }
  }

  /** Whether a folder is a copy of a location that is elsewhere. */
  boolean isCopy(Path folder) {
    return folder.getFileName().toString().startsWith(COPY);
  }

  /**
   * Returns SHA-256 over configuration, weights and tokenizer files, by name and content; a link is
   * what it leads to.
   *
   * @throws CheckpointException if there is no such file
   */
  String contentHash(Path folder) {
    MessageDigest digest = DigestUtils.getSha256Digest();
    try {
      List<Path> deciding = deciding(folder);
      if (deciding.isEmpty()) {
        throw new CheckpointException(
            "Cannot use " + folder + ": no file of a model or adapter is in it; " + WANTED);
      }
      for (Path file : deciding) {
        String name = folder.relativize(file).toString();
        DigestUtils.updateDigest(digest, name + "\n" + Files.size(file) + "\n");
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
          in.transferTo(java.io.OutputStream.nullOutputStream());
        }
      }
    } catch (IOException e) {
      throw FileFaults.cannot("read", folder, e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Of weights in several formats safetensors count; pieces do where they are the tokenizer. */
  private static List<Path> deciding(Path folder) throws IOException {
    List<Path> there = new ArrayList<>();
    for (Path entry : Files.isDirectory(folder) ? entries(folder) : List.<Path>of()) {
      there.addAll(Files.isDirectory(entry) ? entries(entry) : List.of(entry));
    }
    List<Path> all =
        there.stream()
            .filter(
                file -> {
                  String name = folder.relativize(file).toString();
                  return Files.isRegularFile(file) && (decides(name) || PIECES.contains(name));
                })
            .sorted()
            .toList();
    boolean hasSafe = all.stream().anyMatch(file -> file.toString().endsWith(".safetensors"));
    boolean isCutByPieces =
        OTHERS.stream().noneMatch(name -> all.contains(folder.resolve(name)))
            && all.stream().anyMatch(file -> file.toString().endsWith(".model"));
    return all.stream()
        .filter(file -> isCutByPieces || !PIECES.contains(folder.relativize(file).toString()))
        .filter(file -> !hasSafe || !TensorFile.isForeign(folder.relativize(file).toString()))
        .toList();
  }

  /** Not a walk, which ends at links, or at one that leads back. */
  private static List<Path> entries(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.toList();
    }
  }

  private static boolean decides(String name) {
    if (TensorFile.isForeign(name)) {
      return true;
    }
    if (name.contains("/")) {
      return false;
    }
    return name.equals("config.json")
        || name.endsWith(".safetensors")
        || name.endsWith(".safetensors.index.json")
        || name.equals("adapter_config.json")
        || name.equals("adapter_model.bin")
        || name.startsWith("tokenizer")
        || name.equals("chat_template.jinja")
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
      throw new CheckpointException("Cannot find folder " + location + ": " + WANTED);
    }
    if (files.getScheme().equals("file")) {
      return Path.of(files.resolvePath(location).toUri().getPath());
    }
    Path folder = temporary();
    copy(files, location, "", folder);
    return folder;
  }

  /** Copies what a model is made of, from the folder itself and from those one below. */
  private static void copy(
      FileSystem files, org.apache.hadoop.fs.Path location, String below, Path folder)
      throws IOException {
    for (FileStatus status : files.listStatus(location)) {
      String name = below + status.getPath().getName();
      if (status.isDirectory() && below.isEmpty()) {
        copy(files, status.getPath(), name + "/", folder);
      } else if (status.isFile() && (decides(name) || PIECES.contains(name))) {
        Path target = folder.resolve(name);
        Files.createDirectories(target.getParent());
        try (InputStream in = files.open(status.getPath())) {
          Files.copy(in, target);
        }
      }
    }
  }

  private static Path temporary() throws IOException {
    Path folder = Files.createTempDirectory(COPY);
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> FileUtils.deleteQuietly(folder.toFile())));
    return folder;
  }
}
