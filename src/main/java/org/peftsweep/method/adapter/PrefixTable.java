package org.peftsweep.method.adapter;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Prefix;
import org.peftsweep.model.Role;
import org.peftsweep.model.Sublayer;

/**
 * Keys and values of all layers in one table {@code [tokens, 2·layers·width]}, a row for each
 * place: first layer's keys, its values, and so on. The table learns itself, or is made from a
 * narrower one by two dense layers with tanh between them.
 */
public final class PrefixTable {
  private static final String NAME = "prompt_encoder.";

  private final int tokens;
  private final int parts;
  private final Parameter table;

  /** The dense layers, null for none. */
  private final Affine.Dense first;

  private final Affine.Dense second;

  /** The rows of each part's keys or values, in {@code [tokens·parts, width]}. */
  private final List<Places> rows;

  private PrefixTable(
      int tokens,
      int parts,
      Parameter table,
      Affine.Dense first,
      Affine.Dense second,
      List<Places> rows) {
    this.tokens = tokens;
    this.parts = parts;
    this.table = table;
    this.first = first;
    this.second = second;
    this.rows = rows;
  }

  /**
   * Puts prefixes before the attention of every layer.
   *
   * @param hidden inner width of the dense layers, 0 for none
   * @param deviation of the table at first
   */
  public static void attach(AttachContext to, int tokens, int hidden, double deviation) {
    List<Sublayer> attention = attention(to.model());
    if (attention.isEmpty()) {
      return;
    }
    Backend backend = to.backend();
    int width = attention.get(0).keyWidth();
    int parts = 2 * attention.size();
    int columns = hidden == 0 ? parts * width : attention.get(0).width();
    Parameter table = parameter(backend, "embedding.weight", tokens, columns).train(backend);
    to.normal(table, 0, deviation);
    Affine.Dense first = hidden == 0 ? null : dense(to, "transform.0", hidden, columns);
    Affine.Dense second = hidden == 0 ? null : dense(to, "transform.2", parts * width, hidden);
    List<Places> rows =
        IntStream.range(0, parts).mapToObj(part -> rows(backend, tokens, parts, part)).toList();
    PrefixTable shared = new PrefixTable(tokens, parts, table, first, second, rows);
    for (int i = 0; i < attention.size(); i++) {
      attention.get(i).attach(shared.new OfLayer(i));
    }
  }

  private static Places rows(Backend backend, int tokens, int parts, int part) {
    int[] rows = IntStream.range(0, tokens).map(token -> token * parts + part).toArray();
    Places places = Places.of(parameter(backend, "rows." + part, tokens));
    backend.write(rows, places.numbers());
    return places;
  }

  private static Affine.Dense dense(AttachContext to, String name, int out, int in) {
    Parameter weight = parameter(to.backend(), name + ".weight", out, in).train(to.backend());
    Parameter bias = parameter(to.backend(), name + ".bias", out).train(to.backend());
    double bound = 1 / Math.sqrt(in);
    return new Affine.Dense(to.uniform(weight, bound), to.uniform(bias, bound));
  }

  private static Parameter parameter(Backend backend, String name, int... shape) {
    return Parameter.zeros(backend, NAME + name, Role.EMBEDDING, -1, shape);
  }

  private static List<Sublayer> attention(Model model) {
    return model.sublayers().stream()
        .filter(part -> part.kind() == Sublayer.Kind.ATTENTION)
        .toList();
  }

  /** Returns how many scalars learn. */
  public static long size(Model outline, int tokens, int hidden) {
    List<Sublayer> attention = attention(outline);
    long columns = 2L * attention.stream().mapToLong(Sublayer::keyWidth).sum();
    if (hidden == 0 || attention.isEmpty()) {
      return tokens * columns;
    }
    long width = attention.get(0).width();
    return tokens * width + hidden * (width + 1) + columns * (hidden + 1);
  }

  private Var part(Tape tape, int part) {
    Var whole = table.var();
    if (first != null) {
      Var inner = first.of(tape, whole);
      Var active = tape.tanh(inner);
      tape.done(inner);
      whole = second.of(tape, active);
      tape.done(active);
    }
    int width = whole.value().columns() / parts;
    Var cut = tape.reshape(whole, tokens * parts, width);
    Var rowsOfPart = tape.gather(cut, rows.get(part).numbers());
    tape.done(cut);
    tape.done(whole);
    return rowsOfPart;
  }

  /** The prefix of one layer; the first holds the tensors of all. */
  private final class OfLayer implements Prefix {
    private final int layer;

    OfLayer(int layer) {
      this.layer = layer;
    }

    @Override
    public int tokens() {
      return tokens;
    }

    @Override
    public Var keys(Tape tape) {
      return part(tape, 2 * layer);
    }

    @Override
    public Var values(Tape tape) {
      return part(tape, 2 * layer + 1);
    }

    @Override
    public List<Parameter> kept() {
      if (layer > 0) {
        return List.of();
      }
      return first == null
          ? List.of(table)
          : List.of(table, first.weight(), first.bias(), second.weight(), second.bias());
    }

    @Override
    public List<Parameter> parameters() {
      List<Parameter> all = new ArrayList<>(kept());
      if (layer == 0) {
        rows.forEach(places -> all.add(places.parameter()));
      }
      return all;
    }
  }
}
