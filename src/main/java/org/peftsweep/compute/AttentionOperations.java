package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;

/** Attention and what turns its inputs; what each does says {@link Tape}. */
final class AttentionOperations extends Operations {
  private final Feeds feeds;

  AttentionOperations(Recording step, Feeds feeds) {
    super(step);
    this.feeds = feeds;
  }

  Var attention(AttentionShape shape, Var q, Var k, Var v, Tensor mask) {
    return attention(List.of(shape), q, k, v, List.of(mask));
  }

  Var attention(List<AttentionShape> shapes, Var q, Var k, Var v, List<Tensor> masks) {
    return attention(shapes, q, k, v, masks, new Var[shapes.size()]);
  }

  Var attention(
      List<AttentionShape> shapes, Var q, Var k, Var v, List<Tensor> masks, Var[] biases) {
    int count = shapes.size();
    Lanes asking = lanes(shapes, shape -> shape.batch() * shape.queries());
    Lanes seen = lanes(shapes, shape -> shape.batch() * shape.tokens());
    AttentionShape[] dropping = new AttentionShape[count];
    Tensor[] seeds = new Tensor[count];
    Tensor[] logSums = new Tensor[count];
    Tensor[] added = new Tensor[count];
    Tensor y = arena.take(q.value().shape());
    for (int i = 0; i < count; i++) {
      AttentionShape shape = shapes.get(i);
      boolean drops = step.isTraining() && shape.dropout() > 0;
      seeds[i] = drops ? count == 1 ? feeds.seed() : feeds.seed(i) : null;
      shape = shape.withDropout(drops ? shape.dropout() : 0).withFactors(step.factors());
      dropping[i] = shape;
      added[i] = biases[i] == null ? null : biases[i].value();
      logSums[i] = arena.take(shape.batch() * shape.heads(), shape.queries());
      backend.attention(
          shape,
          asking.of(q.value(), i),
          seen.of(k.value(), i),
          seen.of(v.value(), i),
          masks.get(i),
          seeds[i],
          added[i],
          asking.of(y, i),
          logSums[i]);
    }
    boolean learns = step.learns(q, k, v) || step.learns(biases);
    Var out = step.output(y, learns);
    List<Tensor> saved = new ArrayList<>(List.of(q.value(), k.value(), v.value(), y));
    saved.addAll(Arrays.asList(logSums));
    saved.addAll(Arrays.asList(added));
    step.record(
        out,
        dy -> {
          Tensor dq = gradients.gradientOrNull(q);
          Tensor dk = gradients.gradientOrNull(k);
          Tensor dv = gradients.gradientOrNull(v);
          for (int i = 0; i < count; i++) {
            AttentionShape shape = dropping[i];
            Tensor dBias =
                biases[i] != null && biases[i].learns()
                    ? arena.take(shape.heads() * shape.batch() * shape.queries(), shape.tokens())
                    : null;
            backend.attentionBackward(
                shape,
                asking.of(q.value(), i),
                seen.of(k.value(), i),
                seen.of(v.value(), i),
                masks.get(i),
                seeds[i],
                added[i],
                asking.of(y, i),
                logSums[i],
                asking.of(dy, i),
                dq == null ? null : asking.of(dq, i),
                dk == null ? null : seen.of(dk, i),
                dv == null ? null : seen.of(dv, i),
                dBias);
            if (dBias != null) {
              shareBias(biases[i], dBias, shape);
            }
          }
          gradients.shareAndRelease(q, dq);
          gradients.shareAndRelease(k, dk);
          gradients.shareAndRelease(v, dv);
        },
        saved.toArray(Tensor[]::new));
    for (Tensor logSum : logSums) {
      logSum.release();
    }
    return out;
  }

  /** Hands on the gradient of a bias, added up over the scores that share it; releases it. */
  private void shareBias(Var bias, Tensor dBias, AttentionShape shape) {
    int sharing = shape.heads() * shape.batch() / shape.biasGroups(bias.value());
    Tensor own = sharing == 1 ? dBias : arena.take(dBias.rows() / sharing, shape.tokens());
    if (sharing > 1) {
      int rows = shape.queries();
      for (int i = 0; i < shape.heads() * shape.batch(); i++) {
        Tensor part = dBias.slice(i * rows, rows);
        Tensor to = own.slice(i / sharing * rows, rows);
        if (i % sharing == 0) {
          backend.copy(part, to);
        } else {
          backend.addScaled(1, part, to);
        }
      }
      dBias.release();
    }
    gradients.share(bias, own.reshape(bias.value().shape()));
    own.release();
  }

  private static Lanes lanes(List<AttentionShape> shapes, ToIntFunction<AttentionShape> rows) {
    return Lanes.of(shapes.stream().mapToInt(rows).toArray());
  }

  Var rotary(Var x, Tensor cos, Tensor sin, int headWidth) {
    boolean learns = x.learns();
    Tensor y = step.consume(x);
    backend.rotary(y, cos, sin, headWidth, false, y);
    Var out = step.output(y, learns);
    step.record(
        out, dy -> gradients.give(x, dx -> backend.rotary(dy, cos, sin, headWidth, true, dx)));
    return out;
  }
}
