package org.peftsweep.data;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.lang3.ArrayUtils;

/**
 * Turns texts to be written into token ids. Prompt and completion are cut into tokens together, as
 * a model meets them in running text; what the prompt alone gives at the start is the prompt.
 */
public final class Completions {
  private final Tokenizer tokenizer;
  private final Task task;
  private final String set;
  private final int maxTokens;

  /** Of conversations; null of other texts. */
  private final ChatTemplate template;

  private Completions(Tokenizer tokenizer, Task task, String set, int maxTokens) {
    this.tokenizer = tokenizer;
    this.task = task;
    this.set = set;
    this.maxTokens = maxTokens;
    this.template = task.isOfMessages() ? tokenizer.chatTemplate() : null;
  }

  /**
   * Tokenizes a list in its order, each row cut to {@code maxTokens} at its end.
   *
   * @param set what messages call the list, such as dev
   * @throws DataException if a row cannot be written as the model's chat template asks
   */
  public static List<TokenizedExample> of(
      List<Example> examples, Task task, String set, Tokenizer tokenizer, int maxTokens) {
    Completions completions = new Completions(tokenizer, task, set, maxTokens);
    return examples.stream().map(completions::tokenized).toList();
  }

  /**
   * Puts rows together into longer ones, each into the one that it fills best, the longest first
   * (best-fit decreasing, arXiv:2404.10830). Their tokens do not see each other.
   *
   * @param maxTokens most tokens of a row
   */
  public static List<TokenizedExample> packed(List<TokenizedExample> examples, int maxTokens) {
    TreeMap<Integer, Deque<List<TokenizedExample>>> byRoom = new TreeMap<>();
    List<List<TokenizedExample>> rows = new ArrayList<>();
    List<TokenizedExample> longestFirst = new ArrayList<>(examples);
    longestFirst.sort(Comparator.comparingInt(example -> -example.encoded().tokens()));
    for (TokenizedExample example : longestFirst) {
      int tokens = example.encoded().tokens();
      Map.Entry<Integer, Deque<List<TokenizedExample>>> best = byRoom.ceilingEntry(tokens);
      List<TokenizedExample> row;
      int room = maxTokens;
      if (best == null) {
        row = new ArrayList<>();
        rows.add(row);
      } else {
        room = best.getKey();
        row = best.getValue().removeFirst();
        if (best.getValue().isEmpty()) {
          byRoom.remove(room);
        }
      }
      row.add(example);
      byRoom.computeIfAbsent(room - tokens, any -> new ArrayDeque<>()).addLast(row);
    }
    List<TokenizedExample> packed = new ArrayList<>();
    rows.forEach(row -> packed.add(joined(row, packed.size())));
    return packed;
  }

  private static TokenizedExample joined(List<TokenizedExample> texts, int index) {
    int tokens = texts.stream().mapToInt(text -> text.encoded().tokens()).sum();
    int[] ids = new int[tokens];
    int[] types = new int[tokens];
    int[] numbers = new int[tokens];
    int at = 0;
    for (int text = 0; text < texts.size(); text++) {
      Encoded own = texts.get(text).encoded();
      System.arraycopy(own.ids(), 0, ids, at, own.tokens());
      System.arraycopy(own.typeIds(), 0, types, at, own.tokens());
      Arrays.fill(numbers, at, at + own.tokens(), text + 1);
      at += own.tokens();
    }
    return new TokenizedExample(index, new Encoded(ids, types, numbers), 0);
  }

  private TokenizedExample tokenized(Example example) {
    return switch (task.completion().form()) {
      case MESSAGES -> conversation(example);
      case PROMPT -> answered(example);
      default -> cut(example, ended(tokenizer.prompt(example.first())), new int[0], null);
    };
  }

  private TokenizedExample answered(Example example) {
    int[] prompt = tokenizer.prompt(example.first());
    int[] all = ended(tokenizer.prompt(example.first() + example.second()));
    int begin = common(prompt, all);
    return cut(example, all, new int[] {begin, all.length}, example.second());
  }

  private TokenizedExample conversation(Example example) {
    List<Message> messages = Message.parse(example.first());
    String row = "row " + (example.index() + 1) + " of " + set + " of " + Shown.of(task.name());
    String whole = template.render(messages, false, row);
    int[] all = tokenizer.encodeRaw(whole);
    List<Integer> bounds = new ArrayList<>();
    String last = null;
    for (int i = 0; i < messages.size(); i++) {
      if (messages.get(i).isAnswer()) {
        String before = template.render(messages.subList(0, i), true, row);
        String after = template.render(messages.subList(0, i + 1), false, row);
        if (!whole.startsWith(before) || !whole.startsWith(after)) {
          throw new DataException(
              "Cannot tell the answers of "
                  + row
                  + " apart: the model's chat template writes earlier messages otherwise once"
                  + " later ones follow; give conversations of one answer");
        }
        bounds.add(common(tokenizer.encodeRaw(before), all));
        bounds.add(common(tokenizer.encodeRaw(after), all));
        last = messages.get(i).content();
      }
    }
    return cut(example, all, bounds.stream().mapToInt(Integer::intValue).toArray(), last);
  }

  private TokenizedExample cut(Example example, int[] all, int[] bounds, String answer) {
    int[] ids = Arrays.copyOf(all, Math.min(all.length, maxTokens));
    int[] types = new int[ids.length];
    for (int i = 0; i < bounds.length; i += 2) {
      int from = Math.min(ids.length, bounds[i]);
      Arrays.fill(types, from, Math.max(from, Math.min(ids.length, bounds[i + 1])), 1);
    }
    return new TokenizedExample(example.index(), new Encoded(ids, types), 0, answer);
  }

  private int[] ended(int[] ids) {
    return tokenizer.endId().isPresent() ? ArrayUtils.add(ids, tokenizer.endId().getAsInt()) : ids;
  }

  private static int common(int[] first, int[] second) {
    int differs = Arrays.mismatch(first, second);
    return differs < 0 ? first.length : differs;
  }
}
