package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.contentOf;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.MalformedInputException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.hdfs.protocol.DSQuotaExceededException;
import org.apache.hadoop.security.AccessControlException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileFaultsTest {
  private static final Pattern LIBRARY = Pattern.compile("inner|Exception|Error|No such|java");

  @TempDir Path here;

  /** What the machine itself answers, through each way in which files are opened. */
  @Test
  void saysWhyOfWhatTheSystemRefuses() throws IOException {
    Path file = Files.writeString(here.resolve("file"), "x");
    Path circle = Files.createSymbolicLink(here.resolve("circle"), here.resolve("circle"));
    Map<Path, String> reasons = new LinkedHashMap<>();
    reasons.put(here.resolve("away").resolve("x"), "it is not there, mend the path");
    reasons.put(file.resolve("x"), "a part of its path is a file, mend the path");
    reasons.put(here, "it is a folder, give a file");
    reasons.put(here.resolve("n".repeat(300)), "its path is too long, give a shorter one");
    reasons.put(circle, "its links lead in a circle, mend them");
    reasons.put(Path.of("/dev/full"), "no space is left there, make some");
    reasons.forEach(
        (path, reason) -> {
          for (Opening opening : OPENINGS) {
            IOException fault = catchThrowableOfType(IOException.class, () -> opening.write(path));
            assertThat(FileFaults.cannot("write", path, fault))
                .as(fault + "")
                .hasMessage("Cannot write " + path + ": " + reason)
                .hasCause(fault);
            assertThat(FileFaults.isFull(fault)).isEqualTo(reason.startsWith(FileFaults.FULL));
          }
        });
    FileSystem hadoop = FileSystem.getLocal(new Configuration()).getRaw();
    for (Path above : List.of(file.resolve("x"), file.resolve("x").resolve("y"))) {
      IOException fault =
          catchThrowableOfType(
              IOException.class, () -> hadoop.mkdirs(new org.apache.hadoop.fs.Path(above.toUri())));
      assertThat(FileFaults.reason(fault, above)).startsWith("a part of its path is a file");
    }
    IOException taken =
        catchThrowableOfType(IOException.class, () -> Files.createDirectories(file));
    assertThat(FileFaults.reason(taken, file)).startsWith("something of that name is there");
    IOException full =
        catchThrowableOfType(IOException.class, () -> Files.deleteIfExists(nonEmpty()));
    assertThat(FileFaults.reason(full, here)).startsWith("the folder there has files");
  }

  /** What servers and Java answer, bare and as the cause of others. */
  @Test
  void saysWhyOfWhatLibrariesThrow() {
    Map<Throwable, String> reasons = new LinkedHashMap<>();
    reasons.put(new AccessDeniedException("/inner"), "access is denied");
    reasons.put(new AccessControlException("inner"), "access is denied");
    reasons.put(new FileNotFoundException("/inner (Permission denied)"), "access is denied");
    reasons.put(new FileNotFoundException("/inner (Too many open files)"), "too many files");
    reasons.put(new FileNotFoundException("File /inner does not exist"), "it is not there");
    reasons.put(new NoSuchFileException("/inner"), "it is not there");
    reasons.put(new FileSystemException("/inner", null, "Read-only file system"), "its disk can");
    reasons.put(new IOException("Input/output error"), "its disk fails");
    reasons.put(new IOException("Stale file handle"), "its disk fails");
    reasons.put(new IOException("No space left on device"), FileFaults.FULL);
    reasons.put(new IOException("Disk quota exceeded"), FileFaults.FULL);
    reasons.put(new DSQuotaExceededException(1, 2), FileFaults.FULL);
    reasons.put(new EOFException("inner"), "it ends too early");
    reasons.put(new ChecksumException("inner", 3), "its checksum does not hold");
    reasons.put(new MalformedInputException(1), "it is no text in UTF-8");
    reasons.put(new ClosedByInterruptException(), "this process is being stopped");
    reasons.put(new InterruptedIOException("inner"), "this process is being stopped");
    reasons.put(new SocketTimeoutException("inner"), "host does not answer");
    reasons.put(new ConnectException("inner"), "host does not answer");
    reasons.put(new UnknownHostException("inner"), "no host is named host");
    reasons.put(new NoClassDefFoundError("inner"), "the module for hdfs: is missing");
    reasons.put(new FileFaults.ReasonException("it is mine, leave it"), "it is mine, leave it");
    reasons.forEach(
        (fault, reason) -> {
          List<Throwable> wrapped =
              List.of(
                  fault,
                  new IOException("inner", fault),
                  new IOException(fault),
                  new UncheckedIOException("inner", new IOException("inner", fault)),
                  new RuntimeException(new ExecutionException(fault)));
          for (Throwable one : wrapped) {
            assertThat(FileFaults.reason(one, "hdfs://user:word@host:9000/x"))
                .as(one + "")
                .startsWith(reason)
                .doesNotContainPattern(LIBRARY);
            assertThat(FileFaults.isFull(one)).isEqualTo(reason.startsWith(FileFaults.FULL));
          }
        });
    assertThat(FileFaults.reason(new IOException("inner words"), "x"))
        .isEqualTo("its file system gives an error, try again or give another place");
  }

  /** No other place makes a sentence of what a file system says. */
  @Test
  void nothingElseRepeatsWhatAFileSystemSays() throws IOException {
    Pattern repeated = Pattern.compile("UncheckedIOException\\([^;]*getMessage\\(\\)");
    try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
      assertThat(files.filter(Files::isRegularFile).toList())
          .hasSizeGreaterThan(300)
          .filteredOn(file -> repeated.matcher(contentOf(file.toFile())).find())
          .isEmpty();
    }
  }

  private Path nonEmpty() throws IOException {
    Path folder = Files.createDirectories(here.resolve("full"));
    Files.writeString(folder.resolve("x"), "x");
    return folder;
  }

  private interface Opening {
    void write(Path path) throws IOException;
  }

  private static final List<Opening> OPENINGS =
      List.of(
          path -> Files.writeString(path, "x"),
          path -> {
            try (FileOutputStream out = new FileOutputStream(path.toFile())) {
              out.write(1);
            }
          });
}
