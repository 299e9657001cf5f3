package org.peftsweep.method;

import java.util.Set;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.PrefixTable;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Prefix tuning: keys and values that learn are put before those of the tokens in the attention of
 * every layer, and positions of tokens are counted from behind them.
 *
 * <p>Li and Liang, arXiv:2101.00190, §4; without dense layers Liu et al., arXiv:2110.07602
 * (P-tuning v2). Positions as in PEFT. Keys that are zero attract attention too: step 0 is not the
 * base model.
 *
 * @param tokens places before the first token, at least 1
 * @param hidden inner width of the two dense layers that make keys and values, 0 for none
 * @param deviation of the table at first, above 0
 */
@Id("prefix")
public record PrefixTuning(int tokens, int hidden, double deviation) implements Untargeted {
  public PrefixTuning {
    Settings.between("tokens", tokens, 1, Settings.MOST_RANK);
    Settings.between("hidden", hidden, 0, Settings.MOST_RANK);
    Settings.positive("deviation", deviation);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    PrefixTable.attach(to, tokens, hidden, deviation);
    return MethodHooks.PASSIVE;
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
    return PrefixTable.size(outline, tokens, hidden);
  }

  @Override
  public String label() {
    return "Prefix tuning";
  }
}
