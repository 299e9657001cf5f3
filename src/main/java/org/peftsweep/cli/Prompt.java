package org.peftsweep.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.Parser;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.peftsweep.results.Views;

/** Reads statements from a terminal, with lines that can be edited and called back. */
final class Prompt {
  private static final String HELP =
      """
      A statement ends with ; and may have several lines. SHOW VIEWS and DESCRIBE trials tell what \
      there is.
      \\r  look for new rows     \\q or Ctrl-D  leave     Ctrl-C  forget the statement
      """;

  private Prompt() {}

  /**
   * Asks and answers until the user leaves.
   *
   * @param renew makes the views anew
   */
  static void ask(Answers answers, Runnable renew) throws IOException {
    try (Terminal terminal = TerminalBuilder.builder().system(true).build()) {
      ask(
          answers,
          renew,
          terminal,
          Path.of(System.getProperty("user.home"), ".peft-sweep_history"));
    }
  }

  static void ask(Answers answers, Runnable renew, Terminal terminal, Path history) {
    LineReader reader =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .parser(new Statements())
            .variable(LineReader.HISTORY_FILE, history)
            .variable(LineReader.SECONDARY_PROMPT_PATTERN, "   -> ")
            // An exclamation mark belongs to SQL.
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .build();
    terminal.writer().print(HELP);
    while (true) {
      try {
        String line = reader.readLine("sql> ").strip();
        switch (line) {
          case "\\q" -> {
            return;
          }
          case "\\r" -> renew.run();
          default -> Views.statements(line).forEach(answers::print);
        }
      } catch (EndOfFileException e) {
        return;
      } catch (UserInterruptException e) {
        // The statement is forgotten.
      } catch (Exception e) {
        String sentence = e instanceof InputException ? e.getMessage() : QueryFault.sentence(e);
        if (sentence == null) {
          throw e;
        }
        terminal.writer().println(sentence);
      }
      terminal.flush();
    }
  }

  /** Takes lines together until a semicolon ends them. */
  private static final class Statements implements Parser {
    private final Parser words = new DefaultParser().escapeChars(null).quoteChars(new char[0]);

    @Override
    public ParsedLine parse(String line, int cursor, ParseContext context) {
      String text = line.strip();
      boolean isWhole = text.isEmpty() || text.startsWith("\\") || text.endsWith(";");
      if (context == ParseContext.ACCEPT_LINE && !isWhole) {
        throw new EOFError(-1, -1, "A statement ends with a semicolon");
      }
      return words.parse(line, cursor, context);
    }
  }
}
