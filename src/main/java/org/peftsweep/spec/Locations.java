package org.peftsweep.spec;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.DataException;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.data.WholeText;

/**
 * Where models, data, adapters and results lie that a user names, looked at once before anything
 * starts.
 *
 * <p>A leading {@code ~} is the user's home folder, {@code ${NAME}} an environment variable. A
 * relative path is taken from the folder of the call. One that a sweep file names may lie in the
 * installation instead; where both are there, it is refused. Whatever cannot be used is a {@link
 * SpecException} of one sentence; no file system's own words are in it.
 */
public final class Locations {
  private static final Pattern SCHEME =
      Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*):.*", Pattern.DOTALL);
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]*)(}?)");
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  /** Hadoop reads single files of these, and says of none that it is missing. */
  private static final List<String> DOWNLOADS = List.of("http", "https");

  private final Configuration conf;
  private final java.nio.file.Path here;
  private final Optional<java.nio.file.Path> installation;
  private final Map<String, String> variables;

  /**
   * @param conf how remote file systems are reached
   * @param here folder from which relative paths are taken
   * @param installation folder in which those of sweep files may lie instead
   * @param variables of the environment
   */
  public Locations(
      Configuration conf,
      java.nio.file.Path here,
      Optional<java.nio.file.Path> installation,
      Map<String, String> variables) {
    this.conf = conf;
    this.here = here.toAbsolutePath();
    this.installation = installation;
    this.variables = Map.copyOf(variables);
  }

  /** Returns those of this process. */
  public static Locations ofProcess(Configuration conf, Optional<java.nio.file.Path> installation) {
    return new Locations(conf, java.nio.file.Path.of(""), installation, System.getenv());
  }

  /**
   * Finds a folder that a sweep file names.
   *
   * @param key in the file, such as model
   * @param place file and line
   * @param instead what to give, for the end of the sentence
   */
  String folder(String key, String text, String place, String instead) {
    Named named = new Named(key + " = ", text, " in " + place);
    Found found = find(named, true);
    if (found.kind() != Found.Kind.FOLDER) {
      String what = found.kind() == Found.Kind.FILE ? " is a file" : " is not there";
      throw named.refused(shown(found.path()) + what + ", " + instead);
    }
    return found.path().toString();
  }

  /** Finds a folder or file that a file of settings names. */
  String existing(String key, String text, String place, String instead) {
    Named named = new Named(key + " = ", text, " in " + place);
    Found found = find(named, true);
    if (found.kind() == Found.Kind.NOTHING) {
      throw named.refused(shown(found.path()) + " is not there, " + instead);
    }
    return found.path().toString();
  }

  /**
   * Finds a folder that an option or argument names. It may be missing; its parents are folders.
   */
  public Path folder(String option, String text) {
    Named named = new Named(option + " ", text, "");
    Found found = find(named, false);
    if (found.kind() == Found.Kind.FILE) {
      throw named.refused("it is a file, give a folder");
    }
    return found.path();
  }

  /** The same for a folder on this machine. */
  public java.nio.file.Path localFolder(String option, String text) {
    return onThisMachine(option, text, folder(option, text), "folder");
  }

  /** The same for a file on this machine. */
  public java.nio.file.Path localFile(String option, String text) {
    Path path = find(new Named(option + " ", text, ""), false).path();
    return onThisMachine(option, text, path, "file");
  }

  private static java.nio.file.Path onThisMachine(
      String option, String text, Path path, String what) {
    if (!"file".equals(path.toUri().getScheme())) {
      throw new Named(option + " ", text, "").refused("give a " + what + " on this machine");
    }
    return java.nio.file.Path.of(path.toUri().getPath());
  }

  /**
   * Reads a text file in UTF-8; empty where there is none.
   *
   * @throws SpecException with its line if it is of another encoding
   */
  public Optional<String> text(String location) {
    Named named = new Named("the file ", location, "");
    Found found = find(named, false);
    if (found.kind() == Found.Kind.FOLDER) {
      throw named.refused("it is a folder, give a file");
    }
    if (found.kind() == Found.Kind.NOTHING) {
      return Optional.empty();
    }
    try {
      return Optional.of(WholeText.read(found.path(), conf));
    } catch (DataException e) {
      throw new SpecException(e.getMessage().replace("" + found.path(), Shown.of(location)), e);
    } catch (FileNotFoundException e) {
      // Java says the same of a file that is away and of one that may not be read.
      if (find(named, false).kind() == Found.Kind.NOTHING) {
        return Optional.empty();
      }
      throw named.refused(FileFaults.DENIED);
    } catch (IOException e) {
      throw named.refused(FileFaults.reason(e, found.path()));
    }
  }

  /** A location and how messages name it. */
  private record Named(String before, String text, String after) {
    SpecException refused(String reason) {
      return new SpecException("Cannot use " + before + shown() + after + ": " + reason);
    }

    private String shown() {
      return text.isBlank() ? "\"\"" : Shown.of(text);
    }
  }

  private Found find(Named named, boolean mayBeInstalled) {
    if (named.text().isBlank()) {
      throw named.refused("give a folder or file");
    }
    if (named.text().indexOf('\0') >= 0) {
      throw named.refused("no file can have this name, give another");
    }
    String text = expanded(named);
    if (Shown.hasPassword(text)) {
      throw new SpecException(
          "Cannot use "
              + named.before().replaceAll("[ =]+$", "")
              + named.after()
              + " with a password in the address: give it in Hadoop's configuration");
    }
    java.nio.file.Path mine;
    try {
      mine = here.resolve(text).normalize();
    } catch (InvalidPathException e) {
      throw named.refused("no file can have this name, give another");
    }
    Matcher scheme = SCHEME.matcher(text);
    if (scheme.matches() && !isThere(mine)) {
      return remote(named, scheme.group(1), text);
    }
    if (mayBeInstalled && installation.isPresent() && !java.nio.file.Path.of(text).isAbsolute()) {
      java.nio.file.Path theirs = installation.get().resolve(text).normalize();
      if (isThere(theirs) && !isSame(mine, theirs)) {
        if (isThere(mine)) {
          throw named.refused(
              "there are " + mine + " and " + theirs + ", give the whole path of the one");
        }
        return local(named, theirs);
      }
    }
    return isLocalByDefault() ? local(named, mine) : remote(named, defaultScheme(), text);
  }

  private String expanded(Named named) {
    String text = named.text();
    if (text.equals("~") || text.startsWith("~/")) {
      text = variable(named, "HOME") + text.substring(1);
    }
    if (text.startsWith("~") && !isThere(here.resolve(text))) {
      throw named.refused("~ alone is a home folder, write others out");
    }
    Matcher variable = VARIABLE.matcher(text);
    return variable.replaceAll(
        found -> {
          if (found.group(2).isEmpty() || !NAME.matcher(found.group(1)).matches()) {
            throw named.refused("write variables as ${NAME}");
          }
          return Matcher.quoteReplacement(variable(named, found.group(1)));
        });
  }

  private String variable(Named named, String name) {
    String value = variables.get(name);
    if (value == null || value.isEmpty()) {
      throw named.refused("the environment variable " + name + " is not set, set it");
    }
    return value;
  }

  private static String shown(Path path) {
    return Shown.of("file".equals(path.toUri().getScheme()) ? path.toUri().getPath() : "" + path);
  }

  private static boolean isThere(java.nio.file.Path path) {
    return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean isSame(java.nio.file.Path first, java.nio.file.Path second) {
    try {
      return Files.exists(first) && Files.exists(second) && Files.isSameFile(first, second);
    } catch (IOException e) {
      return false;
    }
  }

  private boolean isLocalByDefault() {
    return "file".equals(defaultScheme());
  }

  private String defaultScheme() {
    return FileSystem.getDefaultUri(conf).getScheme();
  }

  private Found local(Named named, java.nio.file.Path path) {
    Path absolute = new Path("file:" + path);
    if (Files.isDirectory(path)) {
      if (!Files.isReadable(path) || !Files.isExecutable(path)) {
        throw named.refused(FileFaults.DENIED);
      }
      return new Found(absolute, Found.Kind.FOLDER);
    }
    if (Files.exists(path)) {
      return new Found(absolute, Found.Kind.FILE);
    }
    for (java.nio.file.Path up = path; up != null; up = up.getParent()) {
      if (Files.isSymbolicLink(up) && !Files.exists(up)) {
        throw named.refused(Shown.of(up.toString()) + " is a link that leads nowhere, mend it");
      }
      if (Files.isRegularFile(up)) {
        throw named.refused(Shown.of(up.toString()) + " is a file, give a folder");
      }
    }
    try {
      Files.readAttributes(path, BasicFileAttributes.class);
    } catch (AccessDeniedException e) {
      throw named.refused("this account may not look into its folder, change its permissions");
    } catch (IOException e) {
      // It is not there, whatever the reason.
      return new Found(absolute, Found.Kind.NOTHING);
    }
    return new Found(absolute, Found.Kind.FILE);
  }

  private Found remote(Named named, String scheme, String text) {
    if (DOWNLOADS.contains(scheme.toLowerCase(Locale.ROOT))) {
      throw named.refused("nothing is downloaded, fetch it and give the folder");
    }
    Path path;
    try {
      path = new Path(text);
      URI uri = path.toUri();
      if ("file".equals(uri.getScheme())) {
        if (uri.getAuthority() != null) {
          throw named.refused("file: is this machine, leave out the host");
        }
        return local(named, java.nio.file.Path.of(uri.getPath()).normalize());
      }
    } catch (IllegalArgumentException e) {
      throw named.refused("it is no location, give a path or scheme://host/path");
    }
    try {
      return FirstLook.at(path, conf);
    } catch (Exception e) {
      throw named.refused(FileFaults.reason(e, path));
    }
  }
}
