package org.peftsweep.data;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.util.VersionInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says why a place could not be read or written and what to do, whatever file system it is on. What
 * these say of it themselves is often the path alone.
 */
public final class FileFaults {
  private static final Logger LOG = LoggerFactory.getLogger(FileFaults.class);

  /** How the reason begins where {@link #isFull} holds. */
  public static final String FULL = "no space is left there";

  /** The reason where this process may not use a place. */
  public static final String DENIED = "access is denied, give this account the rights to it";

  private static final String READ_ONLY = "its disk can only be read, give another place";
  private static final String FILE_ABOVE = "a part of its path is a file, mend the path";
  private static final String TAKEN = "something of that name is there, give another place";
  private static final String NOT_EMPTY = "the folder there has files, empty it or give another";
  private static final String STOPPED = "this process is being stopped, run the same again";

  /** By what the system says, which all exceptions repeat. */
  private static final Map<Pattern, String> BY_WORDS = byWords();

  private static final Pattern REMOTE =
      Pattern.compile("([a-zA-Z0-9+.-]+:)//(?:[^/@]*@)?([^/:]*).*");

  private FileFaults() {}

  /** What works on files. */
  @FunctionalInterface
  public interface Work {
    void run() throws IOException;
  }

  /** A fault whose message is a reason in our words. */
  public static final class ReasonException extends IOException {
    private static final long serialVersionUID = 1;

    public ReasonException(String reason) {
      super(reason);
    }

    public ReasonException(String reason, Throwable cause) {
      super(reason, cause);
    }
  }

  /** Works; what Hadoop's local file system throws as an error is an {@link IOException} too. */
  public static void checked(Work work) throws IOException {
    try {
      work.run();
    } catch (FSError e) {
      throw new IOException(e.getCause().getMessage(), e);
    }
  }

  /**
   * Returns what to throw: "Cannot write x: access is denied, …".
   *
   * @param doing what could not be done, such as {@code write}
   * @param place a path of any kind, or as the user wrote it
   */
  public static UncheckedIOException cannot(String doing, Object place, IOException fault) {
    return new UncheckedIOException(
        "Cannot " + doing + " " + place + ": " + reason(fault, place), fault);
  }

  /** Returns why a place could not be used and what to do. */
  public static String reason(Throwable fault, Object place) {
    List<Throwable> causes = ExceptionUtils.getThrowableList(fault);
    for (Throwable cause : causes) {
      Optional<String> known = known(cause, place.toString());
      if (known.isPresent()) {
        return known.get();
      }
    }
    // Who keeps the file system can tell from this what the user need not read.
    LOG.warn("{}: {}", place, causes.get(causes.size() - 1).toString());
    return "its file system gives an error, try again or give another place";
  }

  /** Whether a fault comes from a place that can take no more. */
  public static boolean isFull(Throwable fault) {
    return ExceptionUtils.getThrowableList(fault).stream()
        .anyMatch(
            cause ->
                byWords(cause).filter(reason -> reason.startsWith(FULL)).isPresent()
                    || String.valueOf(cause.getMessage()).contains(FULL));
  }

  private static Optional<String> known(Throwable cause, String place) {
    if (cause instanceof ReasonException) {
      return Optional.of(cause.getMessage());
    }
    return byWords(cause).or(() -> byKind(cause)).or(() -> byNetwork(cause, place));
  }

  private static Optional<String> byWords(Throwable cause) {
    String words = String.valueOf(cause.getMessage());
    return BY_WORDS.entrySet().stream()
        .filter(known -> known.getKey().matcher(words).find())
        .map(Map.Entry::getValue)
        .findFirst();
  }

  private static Optional<String> byKind(Throwable cause) {
    String kind = cause.getClass().getSimpleName();
    String reason = null;
    if (kind.startsWith("AccessDenied") || kind.startsWith("AccessControl")) {
      reason = DENIED;
    } else if (cause instanceof FileNotFoundException || cause instanceof NoSuchFileException) {
      reason = "it is not there, mend the path";
    } else if (cause instanceof NotDirectoryException
        || cause instanceof ParentNotDirectoryException) {
      reason = FILE_ABOVE;
    } else if (cause instanceof FileAlreadyExistsException
        || cause instanceof org.apache.hadoop.fs.FileAlreadyExistsException) {
      reason = TAKEN;
    } else if (cause instanceof DirectoryNotEmptyException) {
      reason = NOT_EMPTY;
    } else if (cause instanceof ReadOnlyFileSystemException) {
      reason = READ_ONLY;
    } else if (cause instanceof EOFException) {
      reason = "it ends too early, copy or make it anew";
    } else if (cause instanceof ChecksumException) {
      reason = "its checksum does not hold, copy or make it anew";
    } else if (cause instanceof CharacterCodingException) {
      reason = "it is no text in UTF-8, save it as that";
    } else if (cause instanceof ClosedByInterruptException
        || cause instanceof InterruptedIOException && !(cause instanceof SocketTimeoutException)) {
      reason = STOPPED;
    }
    return Optional.ofNullable(reason);
  }

  private static Optional<String> byNetwork(Throwable cause, String place) {
    Matcher remote = REMOTE.matcher(place);
    String scheme = remote.matches() ? remote.group(1) : "file:";
    String host = remote.matches() ? Shown.of(remote.group(2)) : "this machine";
    String kind = cause.getClass().getSimpleName();
    String reason = null;
    if (cause instanceof UnsupportedFileSystemException) {
      reason =
          "no file system is known for "
              + scheme
              + ", give a folder on this machine, in hdfs: or in s3a:";
    } else if (cause instanceof ClassNotFoundException || cause instanceof LinkageError) {
      reason =
          "the module for "
              + scheme
              + " is missing, set SUBMIT_OPTIONS=\"--packages org.apache.hadoop:hadoop-aws:"
              + VersionInfo.getVersion()
              + "\" for s3a: or as its maker says";
    } else if (cause instanceof UnknownHostException
        || String.valueOf(cause.getMessage()).contains("UnknownHostException")) {
      reason = "no host is named " + host + ", mend the address";
    } else if (kind.equals("UnknownStoreException")) {
      reason = "there is no bucket " + host + ", mend the address";
    } else if (kind.startsWith("NoAuthWithAWS") || kind.startsWith("Authentication")) {
      reason = "access is denied, give this account its credentials";
    } else if (cause instanceof SocketException
        || cause instanceof SocketTimeoutException
        || cause instanceof TimeoutException
        || cause instanceof InterruptedException
        || kind.startsWith("ConnectTimeout")) {
      reason = host + " does not answer, mend the address or wait until it does";
    }
    return Optional.ofNullable(reason);
  }

  private static Map<Pattern, String> byWords() {
    Map<String, String> reasons = new LinkedHashMap<>();
    reasons.put(
        "No space left on device|[Dd]isk quota exceeded|quota( of \\S+)? is exceeded",
        FULL + ", make some");
    reasons.put("Permission denied|Operation not permitted", DENIED);
    reasons.put("Read-only file system", READ_ONLY);
    reasons.put("Not a directory", FILE_ABOVE);
    reasons.put("Is a directory", "it is a folder, give a file");
    reasons.put("File exists", TAKEN);
    reasons.put("[Nn]ame too long", "its path is too long, give a shorter one");
    reasons.put("Too many levels of symbolic links", "its links lead in a circle, mend them");
    reasons.put("Too many open files", "too many files are open, raise what ulimit -n allows");
    reasons.put("Directory not empty", NOT_EMPTY);
    reasons.put(
        "Input/output error|Stale file handle", "its disk fails, see to it or give another place");
    Map<Pattern, String> compiled = new LinkedHashMap<>();
    reasons.forEach((words, reason) -> compiled.put(Pattern.compile(words), reason));
    return compiled;
  }
}
