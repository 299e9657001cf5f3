package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.peftsweep.method.Method;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Optimizers;

/** Makes optimizers: settings laid over their defaults under {@code optimizers}. */
final class OptimizerReader {
  private static final String KEY = Axes.OPTIMIZER;
  private static final String DEFAULTS = "optimizers";

  private OptimizerReader() {}

  /** Notes what is wrong with the defaults. */
  static void check(Fields top) {
    Fields all = top.fields(DEFAULTS);
    all.allowOnly(Optimizers.all().keySet());
    Optimizers.all()
        .forEach(
            (id, type) ->
                top.faults()
                    .attempt(
                        () -> {
                          Fields own = all.fields(id);
                          own.allowOnly(RecordFields.names(type), " of optimizer " + id);
                          return own.record(type);
                        }));
  }

  /** Returns the ids of those that a method can be trained with, by their defaults. */
  static List<String> takenBy(Method method, Fields top) {
    List<String> ids = new ArrayList<>();
    Optimizers.all()
        .forEach(
            (id, type) -> {
              if (method.takes(top.fields(DEFAULTS).fields(id).record(type))) {
                ids.add(id);
              }
            });
    return ids;
  }

  /** Returns the names of the settings that all optimizers of a block have, or the default's. */
  static Collection<String> settings(Fields top, Fields block) {
    Fields named = block.has(KEY) ? block : top.fields("training");
    List<String> common = null;
    for (Value id : Fields.itemsOrOne(KEY, named.value(KEY))) {
      List<String> own = RecordFields.names(Optimizers.all().get(id(id)));
      if (common == null) {
        common = new ArrayList<>(own);
      } else {
        common.retainAll(own);
      }
    }
    return common;
  }

  /**
   * Makes the training of fields, with the optimizer that they name.
   *
   * @param fields keys of training; settings of the optimizer may stand among them
   */
  static Training training(Fields top, Fields fields) {
    return fields.record(Training.class, optimizer(top, fields));
  }

  private static Optimizer optimizer(Fields top, Fields fields) {
    String id = id(fields.value(KEY));
    return top.fields(DEFAULTS).fields(id).under(fields.section()).record(Optimizers.all().get(id));
  }

  private static String id(Value value) {
    return Scalars.choice(KEY, value, Optimizers.all().keySet());
  }
}
