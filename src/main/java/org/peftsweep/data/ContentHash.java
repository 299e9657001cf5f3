package org.peftsweep.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** SHA-256 over what a list of examples says, in its order; the row numbers are left out. */
public final class ContentHash {

  private ContentHash() {}

  /** 64 hexadecimal digits: equal for equal texts and labels in equal order. */
  public static String of(List<Example> examples) {
    MessageDigest digest = sha256();
    for (Example example : examples) {
      add(digest, example.first());
      add(digest, example.second());
      digest.update(ByteBuffer.allocate(Double.BYTES).putDouble(example.label()).array());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void add(MessageDigest digest, String text) {
    byte[] bytes = text == null ? new byte[0] : text.getBytes(StandardCharsets.UTF_8);
    int length = text == null ? -1 : bytes.length;
    digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(length).array());
    digest.update(bytes);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
