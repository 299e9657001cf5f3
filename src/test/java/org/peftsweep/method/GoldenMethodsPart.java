package org.peftsweep.method;

import java.util.List;
import org.peftsweep.cli.gpu.CheckPart;

/** Lets the check of a GPU hold it to the reference's steps of every method. */
public final class GoldenMethodsPart implements CheckPart {
  private static final GoldenMethodsTest TESTS = new GoldenMethodsTest();

  @Override
  public String name() {
    return "methods";
  }

  @Override
  public List<Case> cases(String backend) {
    return GoldenMethodsTest.folders()
        .map(
            folder ->
                new Case(
                    folder.getFileName() + ", fp32",
                    () -> TESTS.equalsTheReference(folder, backend)))
        .toList();
  }
}
