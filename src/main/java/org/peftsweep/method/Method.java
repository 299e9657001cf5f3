package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Optimizer;

/**
 * A fine-tuning method: what learns besides the head, and how the output of a projection changes.
 *
 * <p>Each method is a record; its components are its settings, by the same names in sweep files
 * (camelCase there becomes kebab-case). The permits clause, with that of {@link Untargeted}, is the
 * registry.
 */
public sealed interface Method
    permits AdaLoRA,
        APET,
        BOFT,
        Bone,
        C3A,
        CoLoRA,
        CorDA,
        DoRA,
        EVA,
        FourierFT,
        Full,
        GaLore,
        HiRA,
        HRA,
        IA3,
        LoHa,
        LoKr,
        LoRA,
        LoRAFA,
        LoRAGA,
        LoRAPlus,
        LoRAXS,
        MiSS,
        MoSLoRA,
        OFT,
        OLoRA,
        PiSSA,
        PlugIn,
        RAMT,
        RandLoRA,
        ROAST,
        RSLoRA,
        SAID,
        SaRA,
        SHiRA,
        SIFT,
        SigmaReparam,
        SpIEL,
        SpIELMA,
        TinyLoRA,
        Untargeted,
        VBLoRA,
        VeRA {
  /**
   * Sets the model up for training; called once on a fresh model whose head already learns.
   *
   * @return what the method does besides its forward pass; {@link MethodHooks#PASSIVE} for nothing
   */
  MethodHooks attach(AttachContext to);

  /**
   * Returns how many scalars learn for one target {@code W [out, in]}, its bias counted where it
   * learns.
   */
  long trainable(int out, int in, boolean hasBias);

  /**
   * Returns how many scalars learn in all, the head's excluded, as far as it can be told before a
   * start is computed from data.
   *
   * @param outline the model, with or without values, before anything is attached
   */
  default long trainable(Model outline, Set<Role> targets) {
    return outline.projections().stream()
        .filter(linear -> targets.contains(linear.role()))
        .mapToLong(linear -> trainable(linear.out(), linear.in(), linear.bias() != null))
        .sum();
  }

  /**
   * Returns the same where a trial's seeds draw which tensors learn, and these are of several
   * sizes.
   */
  default long trainable(Model outline, Set<Role> targets, Seeds seeds) {
    return trainable(outline, targets);
  }

  /**
   * Refuses a model that the method has nothing to do with; asked when a sweep is planned and
   * before {@link #attach}.
   *
   * @param outline the model, with or without values
   * @throws IllegalArgumentException saying what does not fit, and what would
   */
  default void requireFit(Model outline, Set<Role> targets) {
    if (usesTargets()
        && outline.projections().stream().noneMatch(linear -> targets.contains(linear.role()))) {
      throw new IllegalArgumentException(
          "Cannot aim "
              + id()
              + " at "
              + targets.stream().sorted().map(Role::id).collect(Collectors.joining(" and "))
              + ": the model has no such matrix, give others as targets");
    }
    LowRankStart.requireRank(outline, targets, "rank", leastSide());
  }

  /** Returns the least rows and columns that a target must have, for a rank that cannot be more. */
  default int leastSide() {
    return 0;
  }

  /**
   * Refuses batches that the method cannot start from; asked when a sweep is planned.
   *
   * @param batches the first training batches, in the order in which it is to see them; asking for
   *     them reads the data
   * @throws ImpossibleSettingException saying what does not fit, and what would
   */
  default void requireBatches(Supplier<List<Batch>> batches) {}

  /** Whether the model gives what its base does before the first step. */
  default boolean startsAtBase() {
    return true;
  }

  /** Returns how many positions it puts before the tokens of a row. */
  default int positions() {
    return 0;
  }

  /** Whether the method works on chosen matrices; without, a sweep file must not name targets. */
  default boolean usesTargets() {
    return true;
  }

  /**
   * Whether what it adds or trains lies in layers, each its own, which a plug-in can choose from.
   */
  default boolean adaptsLayers() {
    return usesTargets();
  }

  /**
   * Whether anything that learns belongs to W_v alone, so that a ratio of rates counts; a tensor
   * that all targets share belongs to none.
   *
   * @param targets what the trial aims at
   */
  default boolean learnsValues(Set<Role> targets) {
    return usesTargets() && targets.contains(Role.VALUE);
  }

  /** Whether it can be trained with an optimizer; one whose updates are Adam's takes no other. */
  default boolean takes(Optimizer optimizer) {
    return true;
  }

  /**
   * Whether the matrices of the base stay frozen, so that trials can share passes over them;
   * without, a trial trains alone.
   */
  default boolean sharesBase() {
    return true;
  }

  /** Whether anything learns, if only the head; without, a trial takes no steps. */
  default boolean learns() {
    return true;
  }

  /**
   * Returns how PEFT writes the method down; empty where PEFT has no such method.
   *
   * @param model with the method attached, or an outline
   * @param steps that were trained
   */
  default Optional<PeftForm> peft(Model model, int steps) {
    return Optional.empty();
  }

  /** Returns the id in sweep files and tables, with what is plugged in: {@code lora+ist}. */
  default String id() {
    return MethodId.of(getClass());
  }

  /** The name in tables, as the papers write it. */
  default String label() {
    return getClass().getSimpleName();
  }

  /** Raised whenever the same settings would give other numbers; part of a trial's identity. */
  default int semanticsVersion() {
    return 1;
  }
}
