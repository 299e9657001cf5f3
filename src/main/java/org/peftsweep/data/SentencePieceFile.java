package org.peftsweep.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model file of SentencePiece (Kudo and Richardson, arXiv:1808.06226) of byte pairs, as Llama 2,
 * Mistral and Gemma have them, turned into the {@code tokenizer.json} of the same rules.
 *
 * <p>The file is a message of {@code sentencepiece_model.proto}; what is read of it: pieces with
 * score and type, the kind of model, its fallback to bytes, and how text is normalised.
 */
final class SentencePieceFile {
  private static final char SPACE = '▁';

  /** Types of pieces. */
  private static final int UNKNOWN = 2;

  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;

  private static final int BYTE_PAIRS = 2;

  private record Piece(String text, float score, int type) {}

  private record Merge(String left, String right, float score) {}

  private final Path path;
  private final List<Piece> pieces = new ArrayList<>();
  private int kind = 1;
  private boolean fallsBackToBytes;
  private int beginId = 1;
  private int endId = 2;
  private boolean hasCharacterMap;
  private boolean addsSpace = true;
  private boolean removesSpaces = true;

  private SentencePieceFile(Path path) {
    this.path = path;
  }

  /**
   * Returns the tokenizer of a file.
   *
   * @param config the {@code tokenizer_config.json} beside it
   * @throws DataException if it is no such file, or of another kind than byte pairs
   */
  static ObjectNode tokenizerJson(Path path, JsonNode config) {
    SentencePieceFile file = new SentencePieceFile(path);
    try {
      file.model(CodedInputStream.newInstance(Files.readAllBytes(path)));
    } catch (IOException e) {
      throw file.refused("it is no whole SentencePiece model");
    }
    if (file.pieces.isEmpty()) {
      throw file.refused("it is no SentencePiece model");
    }
    if (file.kind != BYTE_PAIRS) {
      throw file.refused("its SentencePiece model is not one of byte pairs");
    }
    if (file.hasCharacterMap) {
      throw file.refused("its SentencePiece model maps characters");
    }
    return file.tree(config);
  }

  private DataException refused(String why) {
    return new DataException(
        "Cannot use " + path + ", " + why + ": supply the tokenizer.json of the same model");
  }

  // ---- reading

  private interface Field {
    /** Reads a field, or returns false where nobody asks for it. */
    boolean read(int number) throws IOException;
  }

  private void model(CodedInputStream in) throws IOException {
    fields(
        in,
        number -> {
          switch (number) {
            case 1 -> pieces.add(piece(CodedInputStream.newInstance(in.readByteArray())));
            case 2 -> trainer(CodedInputStream.newInstance(in.readByteArray()));
            case 3 -> normalizer(CodedInputStream.newInstance(in.readByteArray()));
            default -> {
              return false;
            }
          }
          return true;
        });
  }

  private static Piece piece(CodedInputStream in) throws IOException {
    String[] text = {""};
    float[] score = {0};
    int[] type = {1};
    fields(
        in,
        number -> {
          switch (number) {
            case 1 -> text[0] = in.readStringRequireUtf8();
            case 2 -> score[0] = in.readFloat();
            case 3 -> type[0] = in.readEnum();
            default -> {
              return false;
            }
          }
          return true;
        });
    return new Piece(text[0], score[0], type[0]);
  }

  private void trainer(CodedInputStream in) throws IOException {
    fields(
        in,
        number -> {
          switch (number) {
            case 3 -> kind = in.readEnum();
            case 35 -> fallsBackToBytes = in.readBool();
            case 41 -> beginId = in.readInt32();
            case 42 -> endId = in.readInt32();
            default -> {
              return false;
            }
          }
          return true;
        });
  }

  private void normalizer(CodedInputStream in) throws IOException {
    fields(
        in,
        number -> {
          switch (number) {
            case 2 -> hasCharacterMap = in.readByteArray().length > 0;
            case 3 -> addsSpace = in.readBool();
            case 4 -> removesSpaces = in.readBool();
            default -> {
              return false;
            }
          }
          return true;
        });
  }

  private static void fields(CodedInputStream in, Field field) throws IOException {
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (!field.read(WireFormat.getTagFieldNumber(tag))) {
        in.skipField(tag);
      }
    }
  }

  // ---- writing

  private ObjectNode tree(JsonNode config) {
    Map<String, Integer> ids = new LinkedHashMap<>();
    for (Piece piece : pieces) {
      ids.put(piece.text(), ids.size());
    }
    if (ids.size() < pieces.size()) {
      throw refused("two of its pieces are the same");
    }
    ObjectNode tree = JsonNodeFactory.instance.objectNode();
    tree.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode added = tree.putArray("added_tokens");
    for (Piece piece : pieces) {
      if (piece.type() >= UNKNOWN && piece.type() <= USER_DEFINED) {
        added
            .addObject()
            .put("id", ids.get(piece.text()))
            .put("content", piece.text())
            .put("single_word", false)
            .put("lstrip", false)
            .put("rstrip", false)
            .put("normalized", false)
            .put("special", piece.type() <= CONTROL);
      }
    }
    ArrayNode normalizers =
        tree.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
    if (removesSpaces) {
      normalizers.addObject().put("type", "Strip").put("strip_left", true).put("strip_right", true);
      replace(normalizers.addObject(), "Regex", " {2,}", " ");
    }
    if (addsSpace && config.path("add_prefix_space").asBoolean(true)) {
      normalizers.addObject().put("type", "Prepend").put("prepend", String.valueOf(SPACE));
    }
    replace(normalizers.addObject(), "String", " ", String.valueOf(SPACE));
    tree.putNull("pre_tokenizer");
    postProcessor(tree, config);
    ArrayNode decoders = tree.putObject("decoder").put("type", "Sequence").putArray("decoders");
    replace(decoders.addObject(), "String", String.valueOf(SPACE), " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (addsSpace) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
    ObjectNode model = tree.putObject("model").put("type", "BPE").putNull("dropout");
    pieces.stream()
        .filter(piece -> piece.type() == UNKNOWN)
        .findFirst()
        .ifPresent(piece -> model.put("unk_token", piece.text()));
    model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", true).put("byte_fallback", fallsBackToBytes);
    ObjectNode vocabulary = model.putObject("vocab");
    ids.forEach(vocabulary::put);
    ArrayNode merges = model.putArray("merges");
    for (Merge merge : merges(ids)) {
      merges.add(merge.left() + " " + merge.right());
    }
    return tree;
  }

  private static void replace(ObjectNode node, String kind, String pattern, String content) {
    node.put("type", "Replace").putObject("pattern").put(kind, pattern);
    node.put("content", content);
  }

  /** Says which special tokens stand around a text; Llama's default is the one before it. */
  private void postProcessor(ObjectNode tree, JsonNode config) {
    String begin = config.path("add_bos_token").asBoolean(true) ? special(beginId) : null;
    String end = config.path("add_eos_token").asBoolean(false) ? special(endId) : null;
    ObjectNode post = tree.putObject("post_processor").put("type", "TemplateProcessing");
    template(post.putArray("single"), begin, "A", end, 0);
    ArrayNode pair = post.putArray("pair");
    template(pair, begin, "A", end, 0);
    template(pair, begin, "B", end, 1);
    ObjectNode tokens = post.putObject("special_tokens");
    int[] ids = {beginId, endId};
    for (int id : ids) {
      String token = special(id);
      if (token != null && (token.equals(begin) || token.equals(end))) {
        ObjectNode entry = tokens.putObject(token).put("id", token);
        entry.putArray("ids").add(id);
        entry.putArray("tokens").add(token);
      }
    }
  }

  private String special(int id) {
    return id >= 0 && id < pieces.size() ? pieces.get(id).text() : null;
  }

  private static void template(
      ArrayNode parts, String begin, String text, String end, int tokenType) {
    if (begin != null) {
      parts.addObject().putObject("SpecialToken").put("id", begin).put("type_id", tokenType);
    }
    parts.addObject().putObject("Sequence").put("id", text).put("type_id", tokenType);
    if (end != null) {
      parts.addObject().putObject("SpecialToken").put("id", end).put("type_id", tokenType);
    }
  }

  /**
   * Returns the pairs of pieces that make another, those of the highest score first: the order in
   * which SentencePiece joins them.
   */
  private List<Merge> merges(Map<String, Integer> ids) {
    List<Merge> merges = new ArrayList<>();
    for (Piece piece : pieces) {
      String text = piece.text();
      List<Merge> own = new ArrayList<>();
      for (int at = 1; at < text.length(); at++) {
        String left = text.substring(0, at);
        String right = text.substring(at);
        // A blank would end the left one in the list of merges.
        if (ids.containsKey(left) && ids.containsKey(right) && text.indexOf(' ') < 0) {
          own.add(new Merge(left, right, piece.score()));
        }
      }
      own.sort(
          Comparator.comparing((Merge merge) -> ids.get(merge.left()))
              .thenComparing(merge -> ids.get(merge.right())));
      merges.addAll(own);
    }
    merges.sort(
        Comparator.comparingDouble(Merge::score)
            .thenComparingInt(merge -> length(merge.left()))
            .thenComparingInt(merge -> length(merge.right()))
            .reversed());
    return merges;
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
