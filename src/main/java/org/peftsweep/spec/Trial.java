package org.peftsweep.spec;

import java.util.Set;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;

/**
 * All that decides the result of one training run.
 *
 * @param targets roles of the matrices the method works on, in the order of {@link Role}
 * @param seed of initialisation, data order, dropout and the method's own sampling
 */
public record Trial(
    ModelSource model,
    TaskSource task,
    Method method,
    Set<Role> targets,
    Rates rates,
    Training training,
    long seed) {}
