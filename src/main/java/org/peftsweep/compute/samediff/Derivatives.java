package org.peftsweep.compute.samediff;

import java.io.PrintStream;
import java.nio.charset.Charset;
import org.nd4j.autodiff.samediff.SameDiff;

/** Makes the gradients of a graph. */
public final class Derivatives {
  private Derivatives() {}

  /** Makes those of variables; SameDiff, which names each operation on standard output, is mute. */
  public static synchronized void make(SameDiff graph, String... variables) {
    PrintStream out = System.out;
    Thread own = Thread.currentThread();
    System.setOut(
        new PrintStream(out, true, Charset.defaultCharset()) {
          @Override
          public void println(String line) {
            if (Thread.currentThread() != own) {
              super.println(line);
            }
          }
        });
    try {
      graph.createGradFunction(variables);
    } finally {
      System.setOut(out);
    }
  }
}
