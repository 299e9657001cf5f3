package org.peftsweep.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Learns a byte-level BPE vocabulary (Sennrich et al. 2016; bytes as in GPT-2 and RoBERTa): the
 * most frequent pair of neighbouring tokens becomes a token, until the vocabulary is full. DJL's
 * binding has no training.
 *
 * <p>Ids: {@code <s>} 0, {@code <pad>} 1, {@code </s>} 2, {@code <unk>} 3, the 256 bytes, the
 * merges in the order learned, {@code <mask>} last. Every byte is a token, so any text can be fed.
 * Equal counts are decided by the smaller ids, so the same text gives the same file.
 *
 * @param vocabularyTokens size of the vocabulary; fewer where the text has too few frequent pairs
 * @param minPairCount how often a pair must occur to become a token, at least 1
 */
public record BpeTrainer(int vocabularyTokens, int minPairCount) {

  private static final Pattern WORD =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          Pattern.UNICODE_CHARACTER_CLASS);
  private static final int SPECIAL_BEFORE = 4;
  private static final int BYTES = 256;

  public BpeTrainer {
    if (vocabularyTokens < SPECIAL_BEFORE + BYTES + 1) {
      throw new IllegalArgumentException(
          "Cannot train a vocabulary of "
              + vocabularyTokens
              + " tokens: give at least 261, for 256 bytes and 5 special tokens");
    }
    if (minPairCount < 1) {
      throw new IllegalArgumentException(
          "Cannot merge pairs that occur " + minPairCount + " times: give at least 1");
    }
  }

  /** A {@code tokenizer.json} learned from lines of text. */
  public String train(Stream<String> lines) {
    Map<String, Long> words = new TreeMap<>();
    lines.forEachOrdered(
        line -> {
          for (Matcher word = WORD.matcher(line); word.find(); ) {
            words.merge(word.group(), 1L, Long::sum);
          }
        });
    List<String> tokens = new ArrayList<>(List.of("<s>", "<pad>", "</s>", "<unk>"));
    int[] idOfByte = new int[BYTES];
    for (int b = 0; b < BYTES; b++) {
      idOfByte[b] = tokens.size();
      tokens.add(String.valueOf(letter(b)));
    }
    List<String> merges = new Merging(words, idOfByte).learn(tokens);
    tokens.add("<mask>");
    ObjectNode vocabulary = TokenizerFiles.JSON.createObjectNode();
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.put(tokens.get(id), id);
    }
    return TokenizerFiles.bytePairs(vocabulary, String.join("\n", merges), false).toPrettyString();
  }

  /** The printable letter that stands for a byte, as in GPT-2. */
  static char letter(int b) {
    boolean isPrintable = (b > 32 && b < 127) || (b > 160 && b != 173);
    if (isPrintable) {
      return (char) b;
    }
    // The others are numbered from 256 in their order: 0-32, 127-160, 173.
    int place = b <= 32 ? b : b <= 160 ? b - 127 + 33 : 67;
    return (char) (BYTES + place);
  }

  private record Pair(int left, int right, long count) {}

  /** The words of the text as token ids, and how often each pair of neighbours occurs. */
  private final class Merging {

    private final List<int[]> words = new ArrayList<>();
    private final List<Long> counts = new ArrayList<>();
    private final Map<Long, Long> pairs = new HashMap<>();
    private final Map<Long, Set<Integer>> places = new HashMap<>();
    private final PriorityQueue<Pair> queue =
        new PriorityQueue<>(
            Comparator.comparingLong((Pair pair) -> -pair.count)
                .thenComparingInt(Pair::left)
                .thenComparingInt(Pair::right));

    Merging(Map<String, Long> text, int[] idOfByte) {
      text.forEach(
          (word, count) -> {
            byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
              ids[i] = idOfByte[bytes[i] & 0xFF];
            }
            words.add(ids);
            counts.add(count);
            count(words.size() - 1, 1, new HashSet<>());
          });
      pairs.forEach((pair, count) -> queue.add(new Pair(left(pair), right(pair), count)));
    }

    List<String> learn(List<String> tokens) {
      List<String> merges = new ArrayList<>();
      while (tokens.size() < vocabularyTokens - 1 && !queue.isEmpty()) {
        Pair best = queue.poll();
        long key = key(best.left, best.right);
        if (pairs.getOrDefault(key, 0L) != best.count) {
          continue; // A later entry has the pair's present count.
        }
        if (best.count < minPairCount) {
          break;
        }
        String left = tokens.get(best.left);
        String right = tokens.get(best.right);
        merges.add(left + " " + right);
        int id = tokens.size();
        tokens.add(left + right);
        Set<Long> changed = new HashSet<>();
        for (int word : List.copyOf(places.getOrDefault(key, Set.of()))) {
          count(word, -1, changed);
          words.set(word, merged(words.get(word), best.left, best.right, id));
          count(word, 1, changed);
        }
        for (long pair : changed) {
          long count = pairs.getOrDefault(pair, 0L);
          if (count > 0) {
            queue.add(new Pair(left(pair), right(pair), count));
          }
        }
      }
      return merges;
    }

    private void count(int word, int sign, Set<Long> changed) {
      int[] ids = words.get(word);
      for (int i = 0; i + 1 < ids.length; i++) {
        long key = key(ids[i], ids[i + 1]);
        pairs.merge(key, sign * counts.get(word), Long::sum);
        if (sign > 0) {
          places.computeIfAbsent(key, k -> new HashSet<>()).add(word);
        } else {
          places.get(key).remove(word);
        }
        changed.add(key);
      }
    }
  }

  private static int[] merged(int[] ids, int left, int right, int id) {
    int[] result = new int[ids.length];
    int length = 0;
    for (int i = 0; i < ids.length; i++) {
      boolean isPair = i + 1 < ids.length && ids[i] == left && ids[i + 1] == right;
      result[length++] = isPair ? id : ids[i];
      i += isPair ? 1 : 0;
    }
    return Arrays.copyOf(result, length);
  }

  private static long key(int left, int right) {
    return (long) left << Integer.SIZE | right;
  }

  private static int left(long key) {
    return (int) (key >>> Integer.SIZE);
  }

  private static int right(long key) {
    return (int) key;
  }
}
