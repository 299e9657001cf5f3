package org.peftsweep.data;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A model file of SentencePiece (Kudo and Richardson, arXiv:1808.06226), of byte pairs or of words
 * that are likely by themselves (unigram, Kudo, arXiv:1804.10959).
 *
 * <p>The file is a message of {@code sentencepiece_model.proto}; what is read of it: pieces with
 * score and type, the kind of model, its fallback to bytes, and how text is normalised.
 */
final class SentencePieceFile {
  /** Types of pieces. */
  static final int NORMAL = 1;

  static final int UNKNOWN = 2;
  static final int CONTROL = 3;
  static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;

  private static final int UNIGRAM = 1;
  private static final int BYTE_PAIRS = 2;

  /**
   * A piece; its place in the file is its id.
   *
   * @param score the logarithm of its likelihood, or minus its rank among byte pairs
   */
  record Piece(String text, float score, int type) {}

  private final Path path;
  private final List<Piece> pieces = new ArrayList<>();
  private int kind = UNIGRAM;
  private boolean fallsBackToBytes;
  private int beginId = 1;
  private int endId = 2;
  private byte[] characterMap = {};
  private boolean addsSpace = true;
  private boolean removesSpaces = true;
  private boolean keepsBlanks;
  private boolean hasBlanksBehind;

  private SentencePieceFile(Path path) {
    this.path = path;
  }

  /**
   * Reads a file.
   *
   * @throws DataException if it is no such file, or cuts text as nothing here does
   */
  static SentencePieceFile read(Path path) {
    SentencePieceFile file = new SentencePieceFile(path);
    LocalFile.require(path);
    try {
      file.model(CodedInputStream.newInstance(Files.readAllBytes(path)));
    } catch (IOException e) {
      throw file.refused("it is no whole SentencePiece model");
    }
    if (file.pieces.isEmpty()) {
      throw file.refused("it is no SentencePiece model");
    }
    if (file.kind != UNIGRAM && file.kind != BYTE_PAIRS) {
      throw file.refused("its SentencePiece model is neither of byte pairs nor unigram");
    }
    if (file.keepsBlanks || file.hasBlanksBehind) {
      throw file.refused(
          "its SentencePiece model "
              + (file.keepsBlanks ? "does not escape blanks" : "has blanks at the end of words"));
    }
    if (file.pieces.stream().anyMatch(piece -> piece.type() == UNUSED)) {
      throw file.refused("its SentencePiece model has pieces that are not used");
    }
    if (file.pieces.stream().map(Piece::text).distinct().count() < file.pieces.size()) {
      throw file.refused("two of its pieces are the same");
    }
    return file;
  }

  DataException refused(String why) {
    return new DataException(
        "Cannot use " + path + ", " + why + ": supply the tokenizer.json of the same model");
  }

  /** Returns its pieces by id. */
  List<Piece> pieces() {
    return pieces;
  }

  /** Returns the id of what stands for unknown text; −1 where nothing does. */
  int unknownId() {
    for (int id = 0; id < pieces.size(); id++) {
      if (pieces.get(id).type() == UNKNOWN) {
        return id;
      }
    }
    return -1;
  }

  /** Returns the id of what begins a text. */
  int beginId() {
    return beginId;
  }

  /** Returns the id of what ends a text. */
  int endId() {
    return endId;
  }

  boolean isUnigram() {
    return kind == UNIGRAM;
  }

  /** Whether unknown text becomes its bytes. */
  boolean fallsBackToBytes() {
    return fallsBackToBytes;
  }

  /**
   * Returns by what characters are replaced, as {@link CharacterMap} reads it; none for nothing.
   */
  byte[] characterMap() {
    return characterMap;
  }

  /** Whether a blank is put before a text. */
  boolean addsSpace() {
    return addsSpace;
  }

  /** Whether blanks around a text, and all but one of those within, are left out. */
  boolean removesSpaces() {
    return removesSpaces;
  }

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
    int[] type = {NORMAL};
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
            case 24 -> hasBlanksBehind = in.readBool();
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
            case 2 -> characterMap = in.readByteArray();
            case 3 -> addsSpace = in.readBool();
            case 4 -> removesSpaces = in.readBool();
            case 5 -> keepsBlanks = !in.readBool();
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
}
