package org.peftsweep.spec;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;

/**
 * One row of a comparison: what a trial is without its task and seed.
 *
 * @param targets empty for methods without targets
 * @param rates {@link Rates#NONE} for methods that do not learn
 * @param randomInit whether the base is drawn anew instead of read
 */
public record Recipe(Method method, Set<Role> targets, Rates rates, boolean randomInit) {
  public Recipe {
    Set<Role> ordered = EnumSet.noneOf(Role.class);
    ordered.addAll(targets);
    targets = Collections.unmodifiableSet(ordered);
  }
}
