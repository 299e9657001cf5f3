package org.peftsweep.data;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.peftsweep.data.SentencePieceFile.Piece;

/** Which pairs of pieces of a SentencePiece model make another. */
final class PieceMerges {
  private record Merge(String left, String right, float score) {}

  private PieceMerges() {}

  /**
   * Returns the pairs, each with a blank between, those of the highest score first: the order in
   * which SentencePiece joins them.
   *
   * @param ids of pieces
   */
  static List<String> of(List<Piece> pieces, Map<String, Integer> ids) {
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
    return merges.stream().map(merge -> merge.left() + " " + merge.right()).toList();
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
