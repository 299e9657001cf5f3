-- Makes Spark SQL views of the result tables of all sweeps below ${output}, for jobs/query.sh,
-- spark-sql and the Thrift server alike. What the columns mean: DESCRIBE trials.
--
--   spark-sql --hivevar output=/data/peft -i conf/views.sql
--   beeline -u jdbc:hive2://host:10000 --hivevar output=hdfs:///peft -i conf/views.sql
--
-- A view shows the files that were there when it was made; run this file again to see later ones.

-- The stored rows, superseded attempts included. "peft-sweep schema --sql" prints this part.

CREATE OR REPLACE TEMPORARY VIEW stored_trials (
  sweep STRING COMMENT 'name of the sweep',
  id STRING COMMENT 'hash of all that decides the result',
  attempt INT COMMENT 'how often the sweep has tried it',
  title STRING COMMENT 'the trial for a reader\'s eye; no two of a sweep are the same',
  status STRING COMMENT 'finished, diverged, oom, timeout, invalid, failed, or stopped early',
  reason STRING COMMENT 'why it is not finished, or finished without a score, in one sentence',
  rung INT COMMENT 'of a stopped trial, where it was compared with others, from 0; its state is kept',
  stack_trace STRING COMMENT 'of the failure',
  method STRING COMMENT 'id of the method, lora+ist with a plug-in',
  method_label STRING COMMENT 'the method as the papers write it',
  plug_in STRING COMMENT 'id of what is plugged into the method, null for nothing',
  rank INT COMMENT 'of low-rank methods',
  alpha DOUBLE COMMENT 'numerator of their scale',
  dropout DOUBLE COMMENT 'of the method\'s input',
  settings MAP<STRING, STRING> COMMENT 'all settings of the method',
  targets STRING COMMENT 'adapted matrices: qv is query and value; longer sets joined by +; null for none',
  layers STRING COMMENT 'whose matrices those are: all, or ranges from 0 up, 0-2+6; null for no targets',
  learning_rate DOUBLE COMMENT 'η, of query and key',
  ratio DOUBLE COMMENT 'λ: rate of value over rate of query and key',
  value_learning_rate DOUBLE COMMENT 'λη, of value',
  head_learning_rate DOUBLE COMMENT 'of the head',
  grouping STRING COMMENT 'which tensors follow which rate',
  task STRING COMMENT 'name of the task',
  data STRING COMMENT 'where its examples come from',
  data_hash STRING COMMENT 'SHA-256 over the examples, before train_fraction and augmentation',
  train_limit INT COMMENT 'training examples at most, 0 for all',
  train_fraction DOUBLE COMMENT 'part of these that the trial learns from',
  augmentation STRING COMMENT 'none, or how changed copies of these are made: deletion, swap, synonyms',
  augmentation_rate DOUBLE COMMENT 'part of the words of a text that is changed in a copy',
  augmentation_copies INT COMMENT 'changed copies of each example',
  model STRING COMMENT 'where the base model comes from',
  model_hash STRING COMMENT 'SHA-256 over configuration, weights and tokenizer',
  init STRING COMMENT 'pretrained, or random: weights drawn from the seed',
  adapter STRING COMMENT 'PEFT adapter that training starts from, null for none',
  weights STRING COMMENT 'fp32, bf16, int8 or nf4: how matrices of the base that do not learn are stored',
  epochs DOUBLE COMMENT 'passes over train asked for',
  max_steps INT COMMENT 'steps asked for, 0 to go by epochs',
  batch INT COMMENT 'examples a forward and backward pass',
  accumulate INT COMMENT 'passes a step',
  max_tokens INT COMMENT 'longest input, in tokens',
  pad STRING COMMENT 'longest, or max: what rows are filled up to',
  bucket_batches INT COMMENT 'batches within which examples are sorted by length',
  schedule STRING COMMENT 'of the learning rate',
  warmup_fraction DOUBLE COMMENT 'part of all steps in which the rates rise',
  clip DOUBLE COMMENT 'gradient norm at which gradients are cut, 0 for never',
  weight_decay DOUBLE COMMENT 'decoupled, times the rate',
  optimizer STRING COMMENT 'id of the optimizer',
  optimizer_settings STRING COMMENT 'all settings of the optimizer: beta1=0.9 beta2=0.99',
  evaluate_every INT COMMENT 'steps between evaluations, 0 for once an epoch',
  precision STRING COMMENT 'number format of products',
  seed BIGINT COMMENT 'of all randomness',
  phase STRING COMMENT 'evaluation, or tuning: never looked at the reported sets and has no score there',
  copy INT COMMENT '0, or the number of a copy that differs in nothing but chance; its seed is derived',
  retention STRING COMMENT 'task of texts whose loss was to be measured before and after; null for none',
  retention_hash STRING COMMENT 'SHA-256 over these texts',
  trial STRING COMMENT 'everything asked, as JSON',
  metric STRING COMMENT 'the task\'s main metric, which all scores below are',
  score DOUBLE COMMENT 'on the reported sets (their mean where there are two), in [-1, 1], at score_step',
  score_step INT COMMENT 'step of the best validation score; the last one without a validation part, or where that score is undefined at every step',
  validation_score DOUBLE COMMENT 'on the part of train that is set aside, at score_step',
  last_score DOUBLE COMMENT 'as score, after the last step',
  last_validation_score DOUBLE COMMENT 'as validation_score, after the last step',
  metrics MAP<STRING, DOUBLE> COMMENT 'every metric of every reported set at score_step, such as dev/f1',
  last_metrics MAP<STRING, DOUBLE> COMMENT 'as metrics, after the last step',
  retention_loss_before DOUBLE COMMENT 'of the texts of retention before the first step, nats a token',
  retention_loss_after DOUBLE COMMENT 'the same at score_step',
  retention_loss_increase DOUBLE COMMENT 'the latter less the former: what was forgotten; below 0 where the texts were learned',
  final_loss DOUBLE COMMENT 'training loss at the end; null where it is no number',
  trainable_parameters BIGINT COMMENT 'scalars that learn, head excluded',
  head_parameters BIGINT COMMENT 'scalars of the head',
  steps INT COMMENT 'optimizer steps done',
  steps_per_second DOUBLE COMMENT 'steps over train_seconds, 1/s',
  optimizer_bytes BIGINT COMMENT 'most off-heap memory of the optimizer\'s state',
  ranks MAP<STRING, DOUBLE> COMMENT 'rank of each adapted matrix at the end, of methods that share ranks out',
  peak_bytes BIGINT COMMENT 'most memory held at once for own weights, gradients, optimizer state and activations; shared frozen weights, and state of layers that rest, excluded',
  predicted_peak_bytes BIGINT COMMENT 'as peak_bytes, told from shapes before the trial ran',
  load_seconds DOUBLE COMMENT 'reading model and data, s; shared work counts for the trial that did it',
  prepare_seconds DOUBLE COMMENT 'computing the method\'s start from base or data, s; the same for all trials that share it',
  prepare_bytes BIGINT COMMENT 'memory of that start',
  train_seconds DOUBLE COMMENT 'wall clock of all steps, s',
  evaluate_seconds DOUBLE COMMENT 'wall clock of all evaluations, s',
  pack STRING COMMENT 'trials that it trained together with; null where it trained alone',
  pack_seconds DOUBLE COMMENT 'wall clock of the pack\'s passes while it was in it, s; train_seconds and evaluate_seconds are its share, so that they add up',
  started_at TIMESTAMP COMMENT 'start of the trial',
  finished_at TIMESTAMP COMMENT 'end of the trial',
  host STRING COMMENT 'machine it ran on',
  executor STRING COMMENT 'Spark\'s id of the executor',
  gpu_address STRING COMMENT 'as Spark handed it out; null on a processor',
  backend STRING COMMENT 'that ran the kernels',
  device STRING COMMENT 'as the backend names it',
  gpu_driver STRING COMMENT 'version of the GPU\'s driver; null on a processor',
  cuda_version STRING COMMENT 'of CUDA that its kernels were compiled with; null on a processor',
  gpu_clock_megahertz INT COMMENT 'of the GPU when the trial ended; null where not told',
  energy_joules DOUBLE COMMENT 'that the GPU spent while the trial ran; null in a pack, or where not told',
  threads INT COMMENT 'that kernels of one trial may use',
  processor STRING COMMENT 'model name',
  revision STRING COMMENT 'git commit of the program',
  java_version STRING COMMENT 'of the executor',
  spark_version STRING COMMENT 'of the cluster',
  nd4j_version STRING COMMENT 'of ND4J',
  semantics_version INT COMMENT 'of the method\'s numbers; raised when its code gives others',
  schema_version INT COMMENT 'of these columns'
)
USING parquet OPTIONS (path '${output}/*/trials', pathGlobFilter '*.parquet');

CREATE OR REPLACE TEMPORARY VIEW stored_curves (
  sweep STRING COMMENT 'name of the sweep',
  id STRING COMMENT 'the trial',
  attempt INT COMMENT 'of the trial',
  step INT COMMENT 'optimizer steps so far',
  epoch DOUBLE COMMENT 'passes over train so far',
  train_loss DOUBLE COMMENT 'mean loss of the steps since the evaluation before; null at step 0',
  validation_score DOUBLE COMMENT 'main metric on the validation part, in [-1, 1]',
  score DOUBLE COMMENT 'main metric on the reported sets, in [-1, 1]',
  metrics MAP<STRING, DOUBLE> COMMENT 'every metric of every reported set, such as dev/f1',
  evaluate_seconds DOUBLE COMMENT 'wall clock of this evaluation, s',
  gradient_norm DOUBLE COMMENT 'mean norm of the gradient before clipping, over the same steps as train_loss',
  retention_loss DOUBLE COMMENT 'of the texts of retention at this step, nats a token; null where none was asked for'
)
USING parquet OPTIONS (path '${output}/*/curves', pathGlobFilter '*.parquet');

CREATE OR REPLACE TEMPORARY VIEW stored_predictions (
  sweep STRING COMMENT 'name of the sweep',
  id STRING COMMENT 'the trial',
  attempt INT COMMENT 'of the trial',
  evaluation_set STRING COMMENT 'such as dev',
  example INT COMMENT 'place in the set, counted from 0',
  label DOUBLE COMMENT 'true class id, or value of a regression',
  prediction DOUBLE COMMENT 'predicted class id, or value of a regression',
  probability DOUBLE COMMENT 'of the predicted class, or the value of a regression',
  step INT COMMENT 'score_step of the trial; null in older rows, which are of its last step',
  outputs ARRAY<DOUBLE> COMMENT 'a logit a class, or the value of a regression; null in older rows'
)
USING parquet OPTIONS (path '${output}/*/predictions', pathGlobFilter '*.parquet');

CREATE OR REPLACE TEMPORARY VIEW stored_layers (
  sweep STRING COMMENT 'name of the sweep',
  id STRING COMMENT 'the trial',
  attempt INT COMMENT 'of the trial',
  step INT COMMENT 'optimizer steps so far',
  layer INT COMMENT 'counted from 0, the lowest',
  score DOUBLE COMMENT 'the method\'s own; of ist: high where the layer can be done without',
  selected INT COMMENT 'steps since the layer\'s row before in which it learned'
)
USING parquet OPTIONS (path '${output}/*/layers', pathGlobFilter '*.parquet');

CREATE OR REPLACE TEMPORARY VIEW stored_events (
  sweep STRING COMMENT 'name of the sweep',
  run_at TIMESTAMP COMMENT 'start of the driver run',
  at TIMESTAMP COMMENT 'when it happened',
  kind STRING COMMENT 'sweep-started, skipped, submitted, ended, decided, lost, stopped or sweep-ended',
  id STRING COMMENT 'the trial',
  attempt INT COMMENT 'of the trial',
  detail STRING COMMENT 'more, by kind'
)
USING parquet OPTIONS (path '${output}/*/events', pathGlobFilter '*.parquet');

-- The views ------------------------------------------------------------------------------------

-- While small files are merged into large ones, rows lie in both for some minutes: twins count once.

-- One row a trial: of its attempts a finished or diverged one, of these the latest.
CREATE OR REPLACE TEMPORARY VIEW trials
COMMENT 'One row a trial: what was asked, what came out, where and with which software.' AS
SELECT * EXCEPT (place)
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY sweep, id
    ORDER BY status IN ('finished', 'diverged') DESC, attempt DESC, array_position(
      array('finished', 'diverged', 'oom', 'timeout', 'invalid', 'failed', 'stopped'), status) DESC) AS place
  FROM stored_trials)
WHERE place = 1;

CREATE OR REPLACE TEMPORARY VIEW curves
COMMENT 'One row an evaluation point of a trial.' AS
SELECT * EXCEPT (twin)
FROM (
  SELECT *, row_number() OVER (PARTITION BY sweep, id, attempt, step ORDER BY step) AS twin
  FROM stored_curves LEFT SEMI JOIN trials USING (sweep, id, attempt))
WHERE twin = 1;

CREATE OR REPLACE TEMPORARY VIEW predictions
COMMENT 'One row an example of a reported set, as the model sees it at the step that counts.' AS
SELECT * EXCEPT (twin)
FROM (
  SELECT *, row_number() OVER (PARTITION BY sweep, id, attempt, evaluation_set, example ORDER BY example) AS twin
  FROM stored_predictions LEFT SEMI JOIN trials USING (sweep, id, attempt))
WHERE twin = 1;

CREATE OR REPLACE TEMPORARY VIEW layers
COMMENT 'One row a layer whose score a method noted, of methods that choose layers.' AS
SELECT * EXCEPT (twin)
FROM (
  SELECT *, row_number() OVER (PARTITION BY sweep, id, attempt, step, layer ORDER BY layer) AS twin
  FROM stored_layers LEFT SEMI JOIN trials USING (sweep, id, attempt))
WHERE twin = 1;

CREATE OR REPLACE TEMPORARY VIEW events
COMMENT 'One row a thing that the scheduler did; kept for reading, nothing depends on it.' AS
SELECT * EXCEPT (twin)
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY sweep, run_at, at, kind, id, attempt, detail ORDER BY at) AS twin
  FROM stored_events)
WHERE twin = 1;

-- A recipe is all that was asked of a trial but its seed. Trials of two recipes are never averaged,
-- nor are seconds and bytes of two kinds of machine or software. What chose settings, was stopped
-- early or is a copy is no evaluation of a recipe; a score that is no finite number is none.
CREATE OR REPLACE TEMPORARY VIEW leaderboard (
  sweep COMMENT 'name of the sweep',
  model COMMENT 'where the base model comes from',
  task COMMENT 'name of the task',
  metric COMMENT 'the task\'s main metric',
  place COMMENT 'by mean_score within sweep, model and task, from 1; equals share a place',
  recipe COMMENT 'hash of all that was asked but the seed',
  method COMMENT 'id of the method',
  method_label COMMENT 'the method as the papers write it',
  targets COMMENT 'adapted matrices',
  rank COMMENT 'of low-rank methods',
  ratio COMMENT 'λ',
  learning_rate COMMENT 'η, of query and key',
  mean_score COMMENT 'mean over seeds of the score on the reported sets',
  deviation COMMENT 'standard deviation over seeds; null for one seed',
  lowest_score COMMENT 'of the seeds',
  highest_score COMMENT 'of the seeds',
  seeds COMMENT 'finished trials with a score',
  undefined COMMENT 'finished trials without one; a mean of the others flatters the recipe, so it comes last',
  unfinished COMMENT 'trials that diverged or failed; the same holds',
  trainable_parameters COMMENT 'scalars that learn, head excluded',
  adapter_bytes COMMENT 'of these scalars in single precision',
  mean_train_seconds COMMENT 'wall clock of all steps of the trials with a score; null where their machines or software differ',
  peak_bytes COMMENT 'most memory of one of them; null where their machines or software differ',
  mean_retention_loss_increase COMMENT 'mean over seeds of what was forgotten of the texts of retention; null where none was asked for')
COMMENT 'One row a recipe on a task: the mean over its seeds, best first.' AS
SELECT
  sweep, model, task, metric,
  rank() OVER (PARTITION BY sweep, model, task
    ORDER BY undefined + unfinished > 0, mean_score DESC NULLS LAST) AS place,
  * EXCEPT (sweep, model, task, metric)
FROM (
  SELECT
    sweep, model, task, metric,
    left(sha2(regexp_replace(trial, '(,"retention":.*?)?,"seed":-?[0-9]+', ''), 256), 12) AS recipe,
    method, method_label, targets, rank, ratio, learning_rate,
    avg(score) AS mean_score,
    stddev_samp(score) AS deviation,
    min(score) AS lowest_score,
    max(score) AS highest_score,
    count(score) AS seeds,
    count_if(status = 'finished' AND score IS NULL) AS undefined,
    count_if(status <> 'finished') AS unfinished,
    max(trainable_parameters) AS trainable_parameters,
    4 * max(trainable_parameters) AS adapter_bytes,
    if(count(DISTINCT machine) <= 1, avg(if(score IS NULL, NULL, train_seconds)), NULL) AS mean_train_seconds,
    if(count(DISTINCT machine) <= 1, max(if(score IS NULL, NULL, peak_bytes)), NULL) AS peak_bytes,
    avg(if(score IS NULL, NULL, retention_loss_increase)) AS mean_retention_loss_increase
  FROM (
    SELECT *, if(score IS NULL, NULL, struct(processor, device, backend, threads, java_version,
      nd4j_version, revision, pack IS NOT NULL)) AS machine
    FROM (
      SELECT * EXCEPT (score), if(status = 'finished' AND abs(score) < double('Infinity'), score, NULL) AS score
      FROM trials
      WHERE status <> 'stopped' AND coalesce(phase, '') <> 'tuning' AND coalesce(copy, 0) = 0))
  GROUP BY sweep, model, task, metric, recipe, method, method_label, targets, rank, ratio,
    learning_rate);

CREATE OR REPLACE TEMPORARY VIEW interactions (
  sweep COMMENT 'name of the sweep',
  model COMMENT 'where the base model comes from',
  task COMMENT 'name of the task',
  axis_1 COMMENT 'method, targets, rank, ratio or learning_rate',
  level_1 COMMENT 'its value',
  axis_2 COMMENT 'the other axis; pairs are in the order of the list above',
  level_2 COMMENT 'its value',
  trials COMMENT 'finished trials with both values, copies left out',
  mean_score COMMENT 'their mean score',
  interaction COMMENT 'mean_score less what both values by themselves add to the mean of all')
COMMENT 'One row a pair of values of two swept axes: how well they go together.' AS
WITH scored AS (
  SELECT sweep, model, task, id, score, posexplode(array(
    struct('method' AS axis, method AS level),
    struct('targets' AS axis, targets AS level),
    struct('rank' AS axis, string(rank) AS level),
    struct('ratio' AS axis, string(ratio) AS level),
    struct('learning_rate' AS axis, string(learning_rate) AS level))) AS (place, value)
  FROM trials
  WHERE status = 'finished' AND abs(score) < double('Infinity') AND coalesce(phase, '') <> 'tuning'
    AND coalesce(copy, 0) = 0
), pairs AS (
  SELECT sweep, model, task, a.score, a.value AS one, b.value AS two
  FROM scored AS a JOIN scored AS b USING (sweep, model, task, id)
  WHERE a.place < b.place AND a.value.level IS NOT NULL AND b.value.level IS NOT NULL
), means AS (
  SELECT *,
    avg(score) OVER (PARTITION BY sweep, model, task, one, two.axis) AS mean_one,
    avg(score) OVER (PARTITION BY sweep, model, task, two, one.axis) AS mean_two,
    avg(score) OVER (PARTITION BY sweep, model, task, one.axis, two.axis) AS mean
  FROM pairs
)
SELECT sweep, model, task, one.axis, one.level, two.axis, two.level, count(*), avg(score),
  avg(score) - first(mean_one) - first(mean_two) + first(mean)
FROM means
GROUP BY sweep, model, task, one, two;

-- Proxy-tuning (Liu et al., arXiv:2401.08565, §2): what tuning changed in a small model's logits is added to those of a large one.
CREATE OR REPLACE TEMPORARY VIEW proxy_predictions (
  large COMMENT 'trial of a base that is left as it is, by untrained or head-only',
  tuned COMMENT 'trial of another base, tuned on the same task with the same seed',
  untuned COMMENT 'trial of that other base, left as it is in the way of large',
  task COMMENT 'name of the task',
  evaluation_set COMMENT 'such as dev',
  example COMMENT 'place in the set, counted from 0',
  classes COMMENT 'of the task, 1 for a regression',
  label COMMENT 'true class id, or value of a regression',
  large_prediction COMMENT 'of large alone',
  tuned_prediction COMMENT 'of tuned alone',
  untuned_prediction COMMENT 'of untuned alone',
  prediction COMMENT 'by the outputs of large plus those of tuned less those of untuned')
COMMENT 'One row an example and three trials: how a large model would answer with a small one\'s tuning.' AS
WITH ended AS (
  SELECT DISTINCT id, model_hash, method, task, data_hash, seed,
    method IN ('untrained', 'head-only') AS as_it_is
  FROM trials
  WHERE status = 'finished'
), answers AS (
  SELECT id, evaluation_set, example, first(label) AS label, first(prediction) AS prediction,
    first(outputs) AS outputs
  FROM predictions
  WHERE outputs IS NOT NULL
  GROUP BY id, evaluation_set, example
), systems AS (
  SELECT large.id AS large, tuned.id AS tuned, untuned.id AS untuned, large.task
  FROM ended AS large
  JOIN ended AS tuned ON tuned.task = large.task AND tuned.data_hash = large.data_hash
    AND tuned.seed = large.seed AND tuned.model_hash <> large.model_hash
  JOIN ended AS untuned ON untuned.task = large.task AND untuned.data_hash = large.data_hash
    AND untuned.seed = large.seed AND untuned.model_hash = tuned.model_hash AND untuned.method = large.method
  WHERE large.as_it_is AND NOT tuned.as_it_is
), sums AS (
  SELECT systems.*, evaluation_set, example, l.label, l.prediction AS large_prediction,
    t.prediction AS tuned_prediction, u.prediction AS untuned_prediction,
    transform(l.outputs, (output, i) -> output + get(t.outputs, i) - get(u.outputs, i)) AS outputs
  FROM systems
  JOIN answers AS l ON l.id = large
  JOIN answers AS t USING (evaluation_set, example)
  JOIN answers AS u USING (evaluation_set, example)
  WHERE t.id = tuned AND u.id = untuned
)
SELECT large, tuned, untuned, task, evaluation_set, example, size(outputs), label, large_prediction,
  tuned_prediction, untuned_prediction,
  if(size(outputs) = 1, outputs[0], double(array_position(outputs, array_max(outputs)) - 1))
FROM sums;

CREATE OR REPLACE TEMPORARY VIEW proxy_scores (
  large COMMENT 'as in proxy_predictions',
  tuned COMMENT 'as there',
  untuned COMMENT 'as there',
  task COMMENT 'name of the task',
  evaluation_set COMMENT 'such as dev',
  answers COMMENT 'whose: large, tuned, untuned, or proxy for those of all three together',
  examples COMMENT 'that were judged',
  accuracy COMMENT 'part that is right; null for a regression',
  f1 COMMENT 'of class 1 of two; null elsewhere',
  matthews COMMENT 'correlation of two classes; null elsewhere',
  pearson COMMENT 'correlation of a regression; null elsewhere, and where all answers or labels are equal')
COMMENT 'One row three trials, an evaluation set and who answers: what proxy-tuning would reach.' AS
WITH judged AS (
  SELECT large, tuned, untuned, task, evaluation_set, classes, label, stack(4, 'large', large_prediction,
    'tuned', tuned_prediction, 'untuned', untuned_prediction, 'proxy', prediction) AS (answers, prediction)
  FROM proxy_predictions
), counted AS (
  SELECT large, tuned, untuned, task, evaluation_set, answers, max(classes) AS classes, count(*) AS examples,
    double(count_if(prediction = label)) AS hits,
    covar_pop(prediction, label) AS covariance,
    stddev_pop(prediction) * stddev_pop(label) AS deviations,
    double(count_if(prediction = 1 AND label = 1)) AS tp, double(count_if(prediction = 1 AND label = 0)) AS fp,
    double(count_if(prediction = 0 AND label = 1)) AS fn, double(count_if(prediction = 0 AND label = 0)) AS tn
  FROM judged
  GROUP BY large, tuned, untuned, task, evaluation_set, answers
)
SELECT large, tuned, untuned, task, evaluation_set, answers, examples,
  if(classes > 1, hits / examples, NULL),
  if(classes = 2, coalesce(try_divide(2 * tp, 2 * tp + fp + fn), 0D), NULL),
  if(classes = 2, coalesce(
    try_divide(tp * tn - fp * fn, sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))), 0D), NULL),
  if(classes = 1, try_divide(covariance, deviations), NULL)
FROM counted;
