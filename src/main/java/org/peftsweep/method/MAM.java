package org.peftsweep.method;

import java.util.Set;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.PrefixTable;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Mix-and-match adapter: a prefix before attention and a parallel adapter beside feed-forward.
 *
 * <p>He et al., arXiv:2110.04366, §4.6. The prefix keeps step 0 from being the base model.
 *
 * @param tokens of the prefix, at least 1
 * @param hidden inner width of the prefix's two dense layers, 0 for none
 * @param deviation of the prefix's table at first
 * @param reduction width of the model over the adapter's inner width, at least 1
 * @param scale on what the adapter adds
 */
@Id("mam")
public record MAM(int tokens, int hidden, double deviation, int reduction, double scale)
    implements Untargeted {
  public MAM {
    new PrefixTuning(tokens, hidden, deviation);
    new ParallelAdapter(reduction, scale);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    PrefixTable.attach(to, tokens, hidden, deviation);
    return new ParallelAdapter(reduction, scale).attach(to);
  }

  @Override
  public boolean startsAtBase() {
    return false;
  }

  @Override
  public int positions() {
    return tokens;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return PrefixTable.size(outline, tokens, hidden)
        + new ParallelAdapter(reduction, scale).trainable(outline, targets);
  }
}
