package org.peftsweep.model;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.GoldenCase;
import org.peftsweep.cli.gpu.CheckPart;

/** Lets the check of a GPU hold it to the reference's hidden states, logits and gradients. */
public final class GoldenModelsPart implements CheckPart {
  private static final GoldenModelsTest TESTS = new GoldenModelsTest();

  @Override
  public String name() {
    return "models";
  }

  @Override
  public List<Case> cases(String backend) {
    return GoldenCase.folders("models").stream().flatMap(folder -> cases(folder, backend)).toList();
  }

  private static Stream<Case> cases(Path folder, String backend) {
    String name = folder.getFileName().toString();
    return Stream.of(
        new Case(
            name + ", fp32", () -> TESTS.forwardAndGradientsEqualTheReference(folder, backend)),
        new Case(
            name + ", bf16",
            () -> TESTS.productsOfSixteenBitFactorsStayNearTheReference(folder, backend)));
  }
}
