package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.method.Methods;

/**
 * What people get wrong, and the one sentence that each gets. {@code <choices for x>} stands for
 * the methods that there are.
 */
class BadSweepFilesTest {
  private static final String HEAD = "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\n";
  private static final String GRID = "grid: [{method: full}]\n";

  @Test
  void productsThatABackendLacksAreRefused() {
    String file = HEAD + GRID + "compute: {backend: nd4j}\ntraining: {precision: bf16}\n";
    assertThatThrownBy(() -> SweepFile.read("x.yaml", Map.of(), location -> text(location, file)))
        .isInstanceOf(SpecException.class)
        .hasMessage(
            "Cannot use precision = bf16 with backend = nd4j in x.yaml:5: choose backend = cpu or"
                + " cuda or precision = fp32");
  }

  /** Other words in a prompt would make its answer wrong. */
  @ParameterizedTest
  @ValueSource(strings = {"deletion", "swap", "synonyms"})
  void augmentationOfTextsWithoutLabelsIsRefused(String way) {
    String head = "name: x\nmodel: builtin:mini-causal\ntasks: [mini-ask, mini-rte]\n";
    String block = "grid: [{method: lora, augmentation: " + way + "}]\n";
    String top = "augmentation: " + way + "\ngrid: [{method: full}]\n";
    for (String rest : List.of(block, top)) {
      assertThatThrownBy(
              () -> SweepFile.read("x.yaml", Map.of(), location -> text(location, head + rest)))
          .isInstanceOf(SpecException.class)
          .hasMessage(
              "Cannot use augmentation = "
                  + way
                  + " on task mini-ask in x.yaml:4: it changes texts that have labels, and this"
                  + " task's answers are texts; give none, or other tasks");
    }
  }

  private static Optional<String> text(String location, String file) {
    return location.equals("x.yaml") ? Optional.of(file) : Optional.empty();
  }

  /** Each snippet is a block of the grid, in line 5. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      textBlock =
          """
          {method: lora, rank: 4.7} => Cannot use rank = 4.7 in x.yaml:5: give a whole number
          {method: "lora "} => Cannot use method = "lora " in x.yaml:5: leave out the blank behind lora
          {method: lora, init: "  random"} => Cannot use init = "  random" in x.yaml:5: leave out the blank before random
          {method: lora, " rank": 4} => Cannot use the key rank in x.yaml:5 with method lora: leave out the blank before rank
          {method: lora, rank: -1} => Cannot use rank = -1 in x.yaml:5: give a whole number of at least 1
          {method: lora, rank: "8"} => Cannot use rank = "8" in x.yaml:5: give a whole number without quotes
          {method: lora, rank: 8.0} => Cannot use rank = 8.0 in x.yaml:5: give a whole number
          {method: lora, rank: 010} => Cannot use rank = 010 in x.yaml:5: give a whole number
          {method: lora, rank: 99999999999} => Cannot use rank = 99999999999 in x.yaml:5: give a whole number of at most 2147483647
          {method: lora, rank: 99999999999999999999} => Cannot use rank = 99999999999999999999 in x.yaml:5: give a whole number of at most 2147483647
          {method: lora, rank: []} => Cannot use rank = [] in x.yaml:5: give at least one value
          {method: lora, rank: [8, 8]} => Cannot use rank = 8 twice in x.yaml:5: leave one out
          {method: lora, rank: } => Cannot use rank without a value in x.yaml:5: give a whole number
          {method: lora, rank: {a: 1}} => Cannot use rank = {a} in x.yaml:5: give a whole number
          {method: lora, rank: [[8]]} => Cannot use rank = [8] in x.yaml:5: give a whole number
          {method: lora, alpha: .nan} => Cannot use alpha = .nan in x.yaml:5: give a finite number, such as 0.5 or 1e-4
          {method: lora, alpha: NaN} => Cannot use alpha = NaN in x.yaml:5: give a finite number, such as 0.5 or 1e-4
          {method: lora, alpha: .inf} => Cannot use alpha = .inf in x.yaml:5: give a finite number, such as 0.5 or 1e-4
          {method: lora, alpha: 1e999} => Cannot use alpha = 1e999 in x.yaml:5: give a finite number, such as 0.5 or 1e-4
          {method: lora, alpha: -1e-4} => Cannot use alpha = -1e-4 in x.yaml:5: give a number above 0
          {method: lora, adapter: [[a, none]]} => Cannot use adapter = [a, none] in x.yaml:5: name folders whose paths have no comma before a blank
          {method: lora, adapter-merge: median} => Cannot use adapter-merge = median in x.yaml:5: choose mean or consensus
          {method: lora, train-fraction: [0.5, 1.5]} => Cannot use train-fraction = 1.5 in x.yaml:5: give a number above 0 and at most 1
          {method: lora, augmentation: swap, augmentation-rate: 0} => Cannot use augmentation-rate = 0 in x.yaml:5: give a number above 0 and at most 1
          {method: lora, augmentation: swap, augmentation-copies: 0} => Cannot use augmentation-copies = 0 in x.yaml:5: give a whole number of at least 1
          {method: untrained, train-fraction: 0.5} => Cannot use the key train-fraction in x.yaml:5 with method untrained: choose method, init, weights, max-tokens, pad or precision
          {method: lora, rank: 2147483647} => Cannot use rank = 2147483647 in x.yaml:5: give a whole number of at most 65536
          {method: lora, alpha: 2x} => Cannot use alpha = 2x in x.yaml:5: give a finite number, such as 0.5 or 1e-4
          {method: lora, alpha: 0r} => Cannot use alpha = 0r in x.yaml:5: give a number above 0
          {method: lora, alpha: 1e-40} => Cannot use alpha = 1e-40 in x.yaml:5: give a number of at least 1e-30
          {method: lora, layers: 5-0} => Cannot use layers = 5-0 in x.yaml:5: give all, a layer such as 3, or a range such as 0-5
          {method: lora, layers: [[0-1, last]]} => Cannot use layers = last in x.yaml:5: give all, a layer such as 3, or a range such as 0-5
          {method: head-only, layers: 0} => Cannot use the key layers in x.yaml:5 with method head-only: choose method, plug-in, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {method: lora, batch: [16, 0]} => Cannot use batch = 0 in x.yaml:5: give a whole number of at least 1
          {method: lora, batch: 1000000, max-tokens: 1000000} => Cannot use batch = 1000000 in x.yaml:5: give at most 2147 with max-tokens = 1000000
          {method: lora, epochs: 2, max-steps: 3} => Cannot use epochs = 2 in x.yaml:5: max-steps = 3 in x.yaml:5 counts in its place, give max-steps: 0 beside it
          {method: lora, learning-rate: 1e-20, value-learning-rate: 1e20} => Cannot use value-learning-rate = 1e20 in x.yaml:5: give a number of at most 1e30
          {method: lora, alpha: 0} => Cannot use alpha = 0 in x.yaml:5: give a number above 0
          {method: lora, dropout: 1} => Cannot use dropout = 1 in x.yaml:5: give a number from 0 up to, not including, 1
          {method: lola} => Cannot use method = lola in x.yaml:5: <choices for lola>
          {method: no} => Cannot use method = no in x.yaml:5: <choices for no>
          {method: head-only, rank: 4} => Cannot use the key rank in x.yaml:5 with method head-only: choose method, plug-in, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {method: head-only, targets: qv} => Cannot use the key targets in x.yaml:5 with method head-only: choose method, plug-in, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {method: untrained, learning-rate: 1} => Cannot use the key learning-rate in x.yaml:5 with method untrained: choose method, init, weights, max-tokens, pad or precision
          {method: [lora, full], rank: 4} => Cannot use the key rank in x.yaml:5 with methods lora and full: choose method, targets, layers, plug-in, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {method: lora, rnak: 4} => Cannot use the key rnak in x.yaml:5 with method lora: did you mean rank
          {method: lora, plug-in: isst} => Cannot use plug-in = isst in x.yaml:5: choose none, drtune, ema or ist
          {method: lora, plug-in: [ist, ist]} => Cannot use plug-in = ist twice in x.yaml:5: leave one out
          {method: head-only, plug-in: ist} => Cannot use the key plug-in in x.yaml:5 with method head-only and plug-in ist: choose method, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {method: tinylora, tied: [1, 3], plug-in: ist} => Cannot use plug-in = ist in x.yaml:5: choose none with method tinylora, what it adds or trains does not lie in layers, each its own
          {method: full, score-rate: 3} => Cannot use the key score-rate in x.yaml:5 with method full: choose method, targets, layers, plug-in, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {method: full, plug-in: [none, ist], score-rate: 3} => Cannot use the key score-rate in x.yaml:5 with method full and plug-in none and ist: choose method, targets, layers, plug-in, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {method: full, plug-in: ist, update-fraction: 0} => Cannot use update-fraction = 0 in x.yaml:5: give a number above 0 and at most 1
          {method: lora, plug-in: drtune, memory: 0} => Cannot use memory = 0 in x.yaml:5: give a whole number of at least 1
          {method: lora, plug-in: ema, decay: 1} => Cannot use decay = 1 in x.yaml:5: give a number from 0 up to, not including, 1
          {method: full, plug-in: ist, candidates: 1} => Cannot use candidates = 1 in x.yaml:5: give a whole number of at least 2
          {method: sift, rate: 0} => Cannot use rate = 0 in x.yaml:5: give a number above 0 and at most 1
          {method: galore, side: up} => Cannot use side = up in x.yaml:5: choose std, reverse-std, left, right or both
          {method: galore, gap: 0} => Cannot use gap = 0 in x.yaml:5: give a whole number of at least 1
          {method: ia3, inputs: ffn} => Cannot use inputs = ffn in x.yaml:5: choose none, query, key, value, output, ffn-gate, ffn-up, ffn-down, or several such as key-and-ffn-down
          {method: ia3, inputs: "key: x"} => Cannot use inputs = "key: x" in x.yaml:5: choose none, query, key, value, output, ffn-gate, ffn-up, ffn-down, or several such as key-and-ffn-down
          {method: ia3, inputs: key-and-key} => Cannot use inputs = key-and-key in x.yaml:5: choose none, query, key, value, output, ffn-gate, ffn-up, ffn-down, or several such as key-and-ffn-down
          {method: ia3, inputs: } => Cannot use inputs without a value in x.yaml:5: choose none, query, key, value, output, ffn-gate, ffn-up, ffn-down, or several such as key-and-ffn-down
          {method: ia3, inputs: [[key, ffn]]} => Cannot use inputs = ffn in x.yaml:5: choose query, key, value, output, ffn-gate, ffn-up or ffn-down
          {method: ia3, inputs: [[key, none]]} => Cannot use inputs = none in x.yaml:5: choose query, key, value, output, ffn-gate, ffn-up or ffn-down
          {method: ia3, inputs: [[key, key]]} => Cannot use inputs = key twice in x.yaml:5: leave one out
          {method: ia3, inputs: [[]]} => Cannot use inputs = [] in x.yaml:5: give at least one value
          {method: apet, granularity: layer} => Cannot use granularity = layer in x.yaml:5: choose element or tensor
          {method: apet, pairs-rank: 8} => Cannot use pairs-rank = 8 in x.yaml:5: give 0 with granularity = element
          {method: hft, resample: once} => Cannot use resample = once in x.yaml:5: choose never, stage or epoch
          {method: adalora, initial-factor: 0.5} => Cannot use initial-factor = 0.5 in x.yaml:5: give a number of at least 1
          {method: adalora, final-fraction: 0.95} => Cannot use final-fraction = 0.95 in x.yaml:5: give less than what warm-fraction leaves of 1
          {method: lora, targets: qw} => Cannot use targets = qw in x.yaml:5: choose q, k, v, o, qk, qv, kv, qkv, qkvo, ffn, dense or all
          {method: lora, targets: [[query, valeu]]} => Cannot use targets = valeu in x.yaml:5: choose query, key, value, output, ffn-gate, ffn-up or ffn-down
          {method: lora, targets: [[]]} => Cannot use targets = [] in x.yaml:5: give at least one value
          {method: lora, targets: []} => Cannot use targets = [] in x.yaml:5: give at least one value
          {method: lora, ratio: 2, value-learning-rate: 1} => Cannot use both ratio and value-learning-rate in x.yaml:5: leave one out
          {method: lora, ratio: 0} => Cannot use ratio = 0 in x.yaml:5: give a number above 0
          {method: lora, learning-rate: 0} => Cannot use learning-rate = 0 in x.yaml:5: give a number above 0
          {method: lora, grouping: off} => Cannot use grouping = off in x.yaml:5: choose roles or paper
          {method: lora, grouping: paper, head-learning-rate: 1} => Cannot use head-learning-rate = 1 in x.yaml:5: with grouping paper the head has no rate of its own, give same
          {method: lora, init: yes} => Cannot use init = yes in x.yaml:5: choose pretrained or random
          {method: lora, weights: [bf16, half]} => Cannot use weights = half in x.yaml:5: choose fp32, bf16, int8 or nf4
          {rank: 8} => Cannot read the block in x.yaml:5: it lacks the key method
          {method: lora, learning-rate: {from: 1e-5, to: 1e-2}} => Cannot use learning-rate = {from, to} in x.yaml:5: a grid takes values and lists, give those, or search.strategy random, sobol or tpe
          lora => Cannot use grid = lora in x.yaml:5: write a block, such as {method: lora, rank: [4, 8]}
          [lora] => Cannot use grid = [lora] in x.yaml:5: write a block, such as {method: lora, rank: [4, 8]}
          {method: lora, rank: 8, rank: 9} => Cannot use the key rank twice, in x.yaml:5 and x.yaml:5: leave one out
          &a {method: lora} => Cannot use the anchor a in x.yaml:5: write the value out
          !!java.util.Date {method: lora} => Cannot use the tag tag:yaml.org,2002:java.util.Date in x.yaml:5: write the value without a tag
          {method: !foo lora} => Cannot use the tag !foo in x.yaml:5: write the value without a tag
          {<<: {rank: 3}, method: lora} => Cannot use the key << in x.yaml:5 with method lora: choose method, rank, alpha, dropout, targets, layers, plug-in, learning-rate, ratio, value-learning-rate, head-learning-rate, grouping, adapter, adapter-merge, init, weights, train-fraction, augmentation, augmentation-rate, augmentation-copies or a key of training
          {? [a] : b, method: lora} => Cannot use [a] as a key in x.yaml:5: use a word
          """)
  void refusesABlock(String block, String sentence) {
    assertRefused(HEAD + "grid:\n  - " + block + "\n", Map.of(), sentence);
  }

  /** Each snippet stands in line 5, below a grid. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      textBlock =
          """
          tranining: {} => Cannot use the key tranining in x.yaml:5: did you mean training
          training: {schedule: "linear "} => Cannot use schedule = "linear " in x.yaml:5: leave out the blank behind linear
          training: {schedule: linaer} => Cannot use schedule = linaer in x.yaml:5: choose linear, cosine or constant
          per-task: {mini-rte: {batch: [16, 32]}} => Cannot use batch = [16, 32] in x.yaml:5: give one value, or write the list under training or in a block of the grid
          training: {batch: 0} => Cannot use batch = 0 in x.yaml:5: give a whole number of at least 1
          training: {epochs: 0} => Cannot use epochs = 0 in x.yaml:5: give a number above 0, or a block of method untrained
          training: {epochs: .inf} => Cannot use epochs = .inf in x.yaml:5: give a finite number, such as 0.5 or 1e-4
          training: 3 => Cannot use training = 3 in x.yaml:5: write keys under it
          compute: {pack: 1} => Cannot use pack = 1 in x.yaml:5: give auto, off, or a number from 2 to 99
          compute: {pack: on} => Cannot use pack = on in x.yaml:5: give auto, off, or a number from 2 to 99
          training: => Cannot use training without a value in x.yaml:5: write keys under it
          training: {warmup-fraction: 1.5} => Cannot use warmup-fraction = 1.5 in x.yaml:5: give a number from 0 up to, not including, 1
          seeds: [] => Cannot use seeds = [] in x.yaml:5: give at least one value
          seeds: 0 => Cannot use seeds = 0 in x.yaml:5: give a list, such as [0]
          seeds: [0, 0] => Cannot use seeds = 0 twice in x.yaml:5: leave one out
          seeds: [0.5] => Cannot use seeds = 0.5 in x.yaml:5: give a whole number
          tuning-seeds: [1] => Cannot use tuning-seeds = [1] in x.yaml:5: give evaluation-seeds too
          evaluation-seeds: [1] => Cannot use evaluation-seeds = [1] in x.yaml:5: give tuning-seeds too
          duplicates: 0 => Cannot use duplicates = 0 in x.yaml:5: give a whole number of at least 1
          data: no => Cannot use data = no in x.yaml:5: YAML does not take it for a word, put it in quotes if it is meant as one
          train-fraction: 0 => Cannot use train-fraction = 0 in x.yaml:5: give a number above 0 and at most 1
          augmentation: synonym => Cannot use augmentation = synonym in x.yaml:5: choose none, deletion, swap or synonyms
          retention: mini-text => Cannot use retention = mini-text in x.yaml:5: task mini-rte trains a head for labels, which tells no next tokens; give tasks of texts and a decoder, or leave retention out
          retention: mini-rte => Cannot use retention = mini-rte in x.yaml:5: choose none, mini-ask, mini-run or mini-text
          retention: wiki => Cannot use retention = wiki in x.yaml:5: choose none, mini-ask, mini-run or mini-text
          retention-limit: -1 => Cannot use retention-limit = -1 in x.yaml:5: give a whole number of at least 0
          train-limit: -5 => Cannot use train-limit = -5 in x.yaml:5: give a whole number of at least 0
          validation-fraction: 1 => Cannot use validation-fraction = 1 in x.yaml:5: give a number from 0 up to, not including, 1
          skip-bad-rows: yes => Cannot use skip-bad-rows = yes in x.yaml:5: choose true or false
          per-task: {colla: {epochs: 3}} => Cannot use the key colla in x.yaml:5: did you mean cola
          per-task: {cola: {epoch: 3}} => Cannot use the key epoch in x.yaml:5: did you mean epochs
          per-task: {mini-rte: {epochs: x}} => Cannot use epochs = x in x.yaml:5: give a finite number, such as 0.5 or 1e-4
          methods: {lola: {}} => Cannot use the key lola in x.yaml:5: <choices for lola>
          methods: {lora: {rank: [4]}} => Cannot use rank = [4] in x.yaml:5: give a whole number
          methods: {lora: {r: 4}} => Cannot use the key r in x.yaml:5 of method lora: choose rank, alpha or dropout
          rates: {ratio: [1,2]} => Cannot use ratio = [1, 2] in x.yaml:5: give a number
          rates: {lr: 1} => Cannot use the key lr in x.yaml:5: choose learning-rate, ratio, head-learning-rate or grouping
          compute: {backend: tpu} => Cannot use backend = tpu in x.yaml:5: choose cpu or cuda or nd4j or samediff
          compute: {blas: mkl} => Cannot use blas = mkl in x.yaml:5: choose auto, openblas or onednn
          compute: {threads: 0} => Cannot use threads = 0 in x.yaml:5: give a whole number of at least 1
          compute: {gpu: 1} => Cannot use the key gpu in x.yaml:5: choose backend, threads, keep-mebibytes, memory-mebibytes, time-limit-minutes, checkpoint-minutes, pack, cache, cache-mebibytes or blas
          compute: {cache: on} => Cannot use cache = on in x.yaml:5: choose off or frozen-prefix
          compute: {cache-mebibytes: 0} => Cannot use cache-mebibytes = 0 in x.yaml:5: give a whole number of at least 1
          declare-tasks: {rte: {}} => Cannot declare the task rte in x.yaml:5: a known task has that name, choose another
          declare-tasks: {../mine: {}} => Cannot declare the task ../mine in x.yaml:5: it names a folder too, use letters, digits, hyphens, dots and spaces
          declare-tasks: {mine: {text-columns: [a]}} => Cannot declare the task mine in x.yaml:5: it lacks the key label-column
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [x, y], metrics: [pearson]}} => Cannot declare task mine with metric = pearson in x.yaml:5: classes are scored by accuracy, f1, macro-f1, micro-f1, weighted-f1, precision, macro-precision, recall, macro-recall, auc or matthews
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [x, y, z], metrics: [f1]}} => Cannot declare task mine with metric = f1 in x.yaml:5: it is defined for two labels, choose accuracy, macro-f1, micro-f1, weighted-f1, macro-precision, macro-recall or matthews
          declare-tasks: {mine: {text-columns: [a], label-column: [l, m], labels: [x, y], metrics: [f1]}} => Cannot use label-column = [l, m] in x.yaml:5: multi-label tasks are not supported, name one column
          declare-tasks: {mine: {text-columns: [a, l], label-column: l, labels: [x, y], metrics: [f1]}} => Cannot declare task mine with label column = l in x.yaml:5: it is a text column too, name another
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [x, x], metrics: [f1]}} => Cannot use labels = x twice in x.yaml:5: leave one out
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [x], metrics: [f1]}} => Cannot declare task mine with labels = [x] in x.yaml:5: name two or more different ones, or none to regress
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [], metrics: [f1]}} => Cannot use labels = [] in x.yaml:5: give at least one value
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [x, ""], metrics: [f1]}} => Cannot use labels = "" in x.yaml:5: give a word
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [x, y], metrics: [f1], quotes: maybe}} => Cannot use quotes = maybe in x.yaml:5: choose true or false
          declare-tasks: {mine: {prompt-columns: [a]}} => Cannot use prompt-columns = [a] in x.yaml:5: give prompt-columns with completion-column, or messages-column, or text-column, one of these ways
          declare-tasks: {mine: {text-column: a, messages-column: b}} => Cannot use messages-column = b in x.yaml:5: give prompt-columns with completion-column, or messages-column, or text-column, one of these ways
          declare-tasks: {mine: {text-column: a, labels: [x, y]}} => Cannot use the key labels in x.yaml:5: choose prompt-columns, completion-column, messages-column, text-column, loss-on, max-new-tokens, temperature, top-p, evaluation-sets, quotes, dev-fraction or metrics
          declare-tasks: {mine: {text-column: a, metrics: [exact-match]}} => Cannot declare task mine with metric = exact-match in x.yaml:5: a text without a prompt has no answer to score
          declare-tasks: {mine: {messages-column: a, metrics: [accuracy]}} => Cannot declare task mine with metric = accuracy in x.yaml:5: texts are scored by token-accuracy, loss, perplexity, exact-match, token-f1, rouge-l or numeric
          declare-tasks: {mine: {text-column: a, metrics: [loss]}} => Cannot declare task mine with metric = loss as the first in x.yaml:5: the first one is to grow, name token-accuracy or a metric of answers before it
          declare-tasks: {mine: {messages-column: a, top-p: 0}} => Cannot use top-p = 0 in x.yaml:5: give a number above 0, at most 1
          declare-tasks: {mine: {messages-column: a, loss-on: prompts}} => Cannot use loss-on = prompts in x.yaml:5: choose completions or all
          declare-tasks: {mine: {text-columns: [a], label-column: l, labels: [x, y], metrics: [f1], dev-fraction: 1}} => Cannot use dev-fraction = 1 in x.yaml:5: give a number from 0 up to, not including, 1
          declare-tasks: {mine: {text-columns: [a], label-column: l, metrics: [bleu]}} => Cannot use metrics = bleu in x.yaml:5: choose accuracy, f1, macro-f1, micro-f1, weighted-f1, precision, macro-precision, recall, macro-recall, auc, matthews, pearson, spearman, token-accuracy, loss, perplexity, exact-match, token-f1, rouge-l or numeric
          extends: no.yaml => Cannot use extends = no.yaml in x.yaml:5: there is no such file
          targets: qx => Cannot use targets = qx in x.yaml:5: choose q, k, v, o, qk, qv, kv, qkv, qkvo, ffn, dense or all
          init: maybe => Cannot use init = maybe in x.yaml:5: choose pretrained or random
          weights: fp8 => Cannot use weights = fp8 in x.yaml:5: choose fp32, bf16, int8 or nf4
          name: y => Cannot use the key name twice, in x.yaml:1 and x.yaml:5: leave one out
          search: {strategy: best} => Cannot use strategy = best in x.yaml:5: choose grid, random, sobol or tpe
          search: {trials: 5} => Cannot use trials = 5 in x.yaml:5: a grid runs all its combinations, give 0, or strategy random, sobol or tpe
          search: {strategy: tpe} => Cannot use strategy = tpe in x.yaml:5: task mini-rte has no validation part to compare on, give validation-fraction above 0
          search: {strategy: random, trials: -1} => Cannot use trials = -1 in x.yaml:5: give a whole number of at least 0
          search: {budget: 5} => Cannot use the key budget in x.yaml:5: choose strategy, trials, seed, startup or batch
          stopping: {rule: asha} => Cannot use rule = asha in x.yaml:5: task mini-rte has no validation part to compare on, give validation-fraction above 0
          stopping: {rule: best} => Cannot use rule = best in x.yaml:5: choose asha, hyperband, median, none or predict
          stopping: {rule: asha, cohort: 3} => Cannot use cohort = 3 in x.yaml:5: give at least eta, of which one goes on
          stopping: {eta: 1} => Cannot use eta = 1 in x.yaml:5: give a number of at least 2
          stopping: {first-rung: 0} => Cannot use first-rung = 0 in x.yaml:5: give a number above 0
          stopping: {probability: 1.5} => Cannot use probability = 1.5 in x.yaml:5: give a number of at most 1
          optimize: {score: min} => Cannot use score = min in x.yaml:5: choose max
          optimize: {seconds: min} => Cannot use the key seconds in x.yaml:5: choose score, trainable_parameters or retention_loss_increase
          optimize: {retention_loss_increase: low} => Cannot use retention_loss_increase = low in x.yaml:5: choose min or max
          optimize: {retention_loss_increase: min} => Cannot use retention_loss_increase = min in x.yaml:5: no text is named whose loss would rise, give retention, such as mini-text
          warm-start: [before] => Cannot use warm-start = [before] in x.yaml:5: give search.strategy tpe, which alone uses it
          """)
  void refusesAKey(String line, String sentence) {
    assertRefused(HEAD + GRID + line + "\n", Map.of(), sentence);
  }

  /** Each snippet stands from line 5 on, with | between lines. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      textBlock =
          """
          tuning-seeds: [1]|evaluation-seeds: [2] => Cannot use tuning-seeds = [1] in x.yaml:5: task mini-rte has no validation part to choose on, give validation-fraction above 0
          tuning-seeds: [1]|evaluation-seeds: [2, 1]|validation-fraction: 0.1 => Cannot use evaluation-seeds = [2, 1] in x.yaml:6: seed 1 is a tuning seed, give other ones
          tuning-seeds: [1]|evaluation-seeds: [2]|validation-fraction: 0.1|seeds: [0] => Cannot use both seeds and tuning-seeds in x.yaml:5: leave one out
          tuning-seeds: [1]|evaluation-seeds: [2]|validation-fraction: 0.1|select: [rank] => Cannot use select = rank in x.yaml:8: choose adapter, augmentation, augmentation-copies, augmentation-rate, grouping, head-learning-rate, init, layers, learning-rate, method, ratio, targets, train-fraction or weights
          """)
  void refusesAProtocol(String lines, String sentence) {
    assertRefused(HEAD + GRID + lines.replace("|", "\n") + "\n", Map.of(), sentence);
  }

  /** Ranges, each the value of learning-rate in a search. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      value = {
        "{from: 1} => Cannot read the section in x.yaml:5 without to: give learning-rate a highest",
        "{from: 2, to: 1} => Cannot use to = 1 in x.yaml:5: give more than from = 2",
        "{from: 0, to: 1, scale: log} => Cannot use from = 0 in x.yaml:5: a logarithmic range"
            + " needs",
        "{from: 1, to: 2, scale: exp} => Cannot use scale = exp in x.yaml:5: choose linear or log",
        "{from: 1, to: x} => Cannot use to = x in x.yaml:5: give a finite number",
        "{from: 1, until: 2} => Cannot use the key until in x.yaml:5 of a range: choose from, to"
            + " or",
        "{from: 1e-3, to: 1e40} => Cannot use learning-rate = ",
      })
  void refusesARange(String range, String sentence) {
    String grid = HEAD + "grid:\n  - {method: lora, learning-rate: " + range + "}\n";
    String file = grid + "search: {strategy: random, trials: 9}\n";
    assertThatThrownBy(() -> SweepFile.read("x.yaml", Map.of(), location -> text(location, file)))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining(sentence);
  }

  /** Each snippet is a whole file, with | between lines. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      textBlock =
          """
          | => Cannot read x.yaml: it is empty
          - a => Cannot read x.yaml:1: write keys, such as name: mine
          name: x|  a: b: c => Cannot read x.yaml:2 as YAML: a ':' cannot stand here, put a value that has one in quotes, and begin all keys, or all items, of one level in one column
          name: x|grid: [ => Cannot read x.yaml:3 as YAML: the text ends before a value that is due, close each [ and {
          name: x|---|name: y => Cannot read x.yaml:2 as YAML: a second document begins here, leave it out
          %YAML 2.0|---|name: x => Cannot read x.yaml:1 as YAML: a line that begins with % is of no use, leave it out
          name: x|\tmodel: tiny => Cannot read x.yaml:2 as YAML: a tab stands where blanks must, write blanks
          name: x|data: @home => Cannot read x.yaml:2 as YAML: @ begins no value, put what it belongs to in quotes
          name: x|data: *.tsv => Cannot read x.yaml:2 as YAML: * begins no value, put what it belongs to in quotes
          name: x|data: & co => Cannot read x.yaml:2 as YAML: & begins no value, put what it belongs to in quotes
          name: x|data: !<x => Cannot read x.yaml:2 as YAML: ! begins no value, put what it belongs to in quotes
          name: x|data: , a => Cannot read x.yaml:2 as YAML: , begins no value, put what it belongs to in quotes
          name: x|data: !home a => Cannot use the tag !home in x.yaml:2: write the value without a tag
          name: x|data: - a => Cannot read x.yaml:2 as YAML: a '-' cannot stand here, give each item its own line
          model: tiny|seeds|grid: [] => Cannot read x.yaml:2 as YAML: a key lacks its ':', write key: value
          name: x|data: 'it|model: tiny => Cannot read x.yaml:2 as YAML: the quote that begins here has no end, close it
          name: x|data: "C:\\qnli" => Cannot read x.yaml:2 as YAML: there is no escape \\q, write the text in single quotes, or \\\\ for a backslash
          name: x|data: "C:\\xy" => Cannot read x.yaml:2 as YAML: the escape lacks some of its 2 hexadecimal digits, write them, or \\\\ for a backslash
          name: x|seeds: [0, 1|model: tiny => Cannot read x.yaml:2 as YAML: the list that begins here has no end, write , between its values and ] behind them
          name: x|stopping: {eta: 3|model: tiny => Cannot read x.yaml:2 as YAML: the map that begins here has no end, write , between its keys and } behind them
          training:|    batch: 8|  epochs: 2 => Cannot read x.yaml:3 as YAML: the line begins in the column of none above it, begin all keys, or all items, of one level in one column
          name: x|data: "my" folder => Cannot read x.yaml:2 as YAML: a value ended before this, put the whole of it in quotes
          name: x|data: > my folder => Cannot read x.yaml:2 as YAML: no text can stand in the line of | or >, write it on the lines below
          a: &x [*x] => Cannot use the alias x in x.yaml:1: write the value out
          a: &x 1|b: *x => Cannot use the alias x in x.yaml:2: write the value out
          """)
  void refusesAFile(String text, String sentence) {
    assertRefused(text.replace('|', '\n') + "\n", Map.of(), sentence);
  }

  @Test
  void refusesDepthThatOnlyAnAttackerWrites() {
    assertRefused(
        "a: " + "[".repeat(5000),
        Map.of(),
        "Cannot read x.yaml:1: it lies more than 20 levels deep, write it flatter");
  }

  @Test
  void refusesMoreCombinationsThanAnyoneRuns() {
    String list = "[1" + numbers(400) + "]";
    assertRefused(
        HEAD + "grid:\n  - {method: lora, rank: " + list + ", alpha: " + list + "}\n",
        Map.of(),
        "Cannot use the grid in x.yaml:4: it stands for 160000 combinations, shorten its lists"
            + " until there are at most 100000");
  }

  @Test
  void countsCombinationsWithoutMakingThem() {
    String list = "[1" + numbers(100) + "]";
    String keys = "rank batch accumulate max-tokens bucket-batches evaluate-every";
    assertTimeout(
        Duration.ofSeconds(5),
        () ->
            assertRefused(
                HEAD
                    + "grid:\n  - {method: lora, "
                    + keys.replace(" ", ": " + list + ", ")
                    + ": "
                    + list
                    + "}\n",
                Map.of(),
                "Cannot use the grid in x.yaml:4: it stands for 1000000000000 combinations, shorten"
                    + " its lists until there are at most 100000"));
  }

  @Test
  void refusesMoreTrialsThanAnyoneRuns() {
    assertRefused(
        HEAD + "grid: [{method: lora, rank: [1" + numbers(200) + "]}]\nduplicates: 10000\n",
        Map.of(),
        "Cannot run 2000000 trials of x.yaml: give at most 1000000");
  }

  @Test
  void refusesWhatIsTooLongForAnyUse() {
    assertTimeout(
        Duration.ofSeconds(5),
        () -> {
          assertRefused(
              HEAD + GRID + "data: " + "x".repeat(50 << 20) + "\n",
              Map.of(),
              "Cannot read x.yaml:5: it has more than 1048576 characters from here on, give a"
                  + " shorter file");
          assertRefused(
              HEAD + GRID + "data: " + "x".repeat(5000) + "\n",
              Map.of(),
              "Cannot use data = "
                  + "x".repeat(79)
                  + "… in x.yaml:5: give at most 4096 characters");
          assertRefused(
              HEAD + GRID + "seeds: [" + "9".repeat(900_000) + "]\n",
              Map.of(),
              "Cannot use seeds = " + "9".repeat(79) + "… in x.yaml:5: give a whole number");
          assertRefused(
              HEAD.replace("name: x", "name: " + "x".repeat(300)) + GRID,
              Map.of(),
              "Cannot use name = " + "x".repeat(79) + "… in x.yaml:1: give at most 100 characters");
        });
  }

  @Test
  void refusesAnAliasBombAtItsFirstAlias() {
    StringBuilder bomb = new StringBuilder(HEAD + "a0: &a0 [x, x]\n");
    for (int i = 1; i < 40; i++) {
      bomb.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
    }
    assertRefused(
        bomb.toString(), Map.of(), "Cannot use the alias a0 in x.yaml:5: write the value out");
  }

  @Test
  void repeatsNothingThatATerminalWouldObey() {
    assertRefused(
        HEAD + GRID + "init: \"a\\e[31m\\nb\\u202Ec\"\n",
        Map.of(),
        "Cannot use init = \"a [31m b c\" in x.yaml:5: choose pretrained or random");
  }

  @Test
  void refusesTasksWithoutTheirData() {
    assertRefused(
        HEAD.replace("mini-rte", "rte") + GRID,
        Map.of(),
        "Cannot read task rte in x.yaml:3 from data = builtin: give the folder that holds its"
            + " files");
  }

  @Test
  void refusesToExtendAFileThatExtends() {
    assertRefused(
        HEAD + GRID + "extends: two.yaml\n",
        Map.of(),
        "Cannot extend two.yaml in x.yaml:5: it extends another file itself, one level is"
            + " allowed");
  }

  @Test
  void refusesOverridesByTheirName() {
    assertRefused(
        HEAD + GRID,
        Map.of("trainin.epochs", "3"),
        "Cannot use the key trainin in --set trainin.epochs: did you mean training");
    assertRefused(
        HEAD + GRID,
        Map.of("training.epochs", "["),
        "Cannot read --set training.epochs as YAML: the text ends before a value that is due, close"
            + " each [ and {");
    assertRefused(
        HEAD + GRID,
        Map.of("training..epochs", "3"),
        "Cannot use --set training..epochs: give a key and a value, such as training.epochs=3");
    assertRefused(
        HEAD + GRID,
        Map.of("training", "3"),
        "Cannot use training = 3 in --set training: write keys under it");
  }

  @Test
  void refusesAFileThatIsNotThere() {
    assertThatThrownBy(() -> SweepFile.read("y.yaml", Map.of(), location -> Optional.empty()))
        .isInstanceOf(SpecException.class)
        .hasMessage("Cannot read the sweep file y.yaml: there is no such file");
  }

  private static String numbers(int most) {
    StringBuilder text = new StringBuilder();
    for (int i = 2; i <= most; i++) {
      text.append(", ").append(i);
    }
    return text.toString();
  }

  /** Fills in the methods, whichever there are. */
  private static String complete(String sentence) {
    return Pattern.compile("<choices for (\\w+)>")
        .matcher(sentence)
        .replaceAll(word -> Scalars.choose(word.group(1), Methods.all().keySet()));
  }

  private static void assertRefused(String text, Map<String, String> overrides, String sentence) {
    Map<String, String> files = Map.of("x.yaml", text, "two.yaml", "extends: x.yaml\n");
    assertThatThrownBy(
            () ->
                SweepFile.read(
                    "x.yaml", overrides, location -> Optional.ofNullable(files.get(location))))
        .isInstanceOf(SpecException.class)
        .hasMessage(complete(sentence));
  }
}
