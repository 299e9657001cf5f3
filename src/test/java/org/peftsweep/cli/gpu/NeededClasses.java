package org.peftsweep.cli.gpu;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * What a program needs of a class path: the classes that its first one names in code or in strings,
 * those that these name, and so on; where one of them is a service, those that provide it; and the
 * files beside them. {@code jobs/gpu-bundle.sh} packs what {@link GpuCheck} needs.
 */
final class NeededClasses {
  /** Engines and file systems that the check has no use for, which would be most of it. */
  private static final List<String> LEFT =
      List.of(
          "com/fasterxml/jackson/module/scala/",
          "io/netty/",
          "net/jpountz/",
          "org/apache/hadoop/crypto/key/",
          "org/apache/hadoop/fs/s3a/",
          "org/apache/hadoop/ha/",
          "org/apache/hadoop/hdfs/",
          "org/apache/hadoop/ipc/",
          "org/apache/hadoop/map",
          "org/apache/hadoop/registry/",
          "org/apache/hadoop/shaded/org/apache/avro/",
          "org/apache/hadoop/shaded/org/apache/kerby/",
          "org/apache/hadoop/shaded/org/xbill/",
          "org/apache/hadoop/thirdparty/protobuf/",
          "org/apache/hadoop/yarn/",
          "org/apache/http/",
          "org/apache/logging/",
          "org/apache/parquet/",
          "org/apache/spark/",
          "org/bytedeco/dnnl/",
          "org/bytedeco/openblas/global/openblas_full",
          "org/bytedeco/openblas/linux-x86_64/libjniopenblas_full",
          // A device that is emulated must not take the place of a GPU.
          "org/peftsweep/compute/cuda/Emulated",
          "META-INF/services/org.peftsweep.compute.cuda.DeviceProvider",
          "org/deeplearning4j/",
          "org/nd4j/",
          "org/xerial/",
          "scala/",
          "software/amazon/");

  /** Libraries of other platforms, which are in the jars that the application's jar is made of. */
  private static final Pattern OTHER_PLATFORM =
      Pattern.compile("(.*/)?(osx|win|windows|macosx|darwin|linux-(?!x86[-_]64))[-\\w]*/.*");

  /** Classes that JavaCPP's libraries look up, and files that tell its versions. */
  private static final Pattern OF_LIBRARIES =
      Pattern.compile("org/bytedeco/javacpp/(chrono/)?\\w+(\\$\\w+)?");

  private static final Pattern VERSIONS =
      Pattern.compile("META-INF/maven/org\\.bytedeco/\\w+/pom\\.properties");

  private static final String CLASS = ".class";
  private static final String SERVICES = "META-INF/services/";
  private static final Pattern WORD = Pattern.compile("[\\w/$.]+");
  private static final Pattern IN_DESCRIPTOR = Pattern.compile("L([\\w/$]+)[;<]");
  private static final int HEADER = 8;

  /** Reads a file of the class path. */
  private interface Source {
    byte[] bytes() throws IOException;
  }

  private final Map<String, List<Source>> files = new HashMap<>();
  private final Map<String, byte[]> needed = new TreeMap<>();
  private final Set<String> strings = new HashSet<>();
  private final Deque<String> open = new ArrayDeque<>();

  /**
   * Finds what a class needs.
   *
   * @param classPath folders and jars; the first that has a file counts
   * @param first name of the class
   * @throws IllegalArgumentException if the class path has no such class
   */
  NeededClasses(List<Path> classPath, String first) throws IOException {
    for (Path entry : classPath) {
      if (Files.isDirectory(entry)) {
        addFolder(entry);
      } else if (Files.exists(entry)) {
        addJar(new JarFile(entry.toFile()));
      }
    }
    need(first.replace('.', '/'));
    if (open.isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot pack " + first + ": no file of the class path has it, build the tests first");
    }
    followAll();
    for (String file : files.keySet()) {
      if (file.endsWith(CLASS) && OF_LIBRARIES.matcher(nameOf(file)).matches()) {
        need(nameOf(file));
      }
    }
    followAll();
    addResources();
  }

  private void followAll() throws IOException {
    while (!open.isEmpty()) {
      follow(open.pop());
    }
  }

  private static String nameOf(String file) {
    return file.substring(0, file.length() - CLASS.length());
  }

  private void addFolder(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      all.filter(Files::isRegularFile)
          .forEach(
              file ->
                  add(
                      folder.relativize(file).toString().replace(File.separatorChar, '/'),
                      () -> Files.readAllBytes(file)));
    }
  }

  private void addJar(JarFile jar) {
    jar.stream()
        .filter(entry -> !entry.isDirectory())
        .forEach(
            entry ->
                add(
                    entry.getName(),
                    () -> {
                      try (InputStream in = jar.getInputStream(entry)) {
                        return in.readAllBytes();
                      }
                    }));
  }

  private void add(String file, Source source) {
    if (LEFT.stream().noneMatch(file::startsWith) && !OTHER_PLATFORM.matcher(file).matches()) {
      files.computeIfAbsent(file, missing -> new ArrayList<>()).add(source);
    }
  }

  /** Takes a class, unless it is there already or another one's. */
  private void need(String name) throws IOException {
    String file = name + CLASS;
    if (files.containsKey(file) && !needed.containsKey(file)) {
      needed.put(file, files.get(file).get(0).bytes());
      open.push(name);
    }
  }

  private void follow(String name) throws IOException {
    for (String text : texts(needed.get(name + CLASS))) {
      strings.add(text);
      if (WORD.matcher(text).matches()) {
        need(text.replace('.', '/'));
      }
      for (String named : IN_DESCRIPTOR.matcher(text).results().map(r -> r.group(1)).toList()) {
        need(named);
      }
    }
    String service = SERVICES + name.replace('/', '.');
    if (files.containsKey(service)) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      for (Source source : files.get(service)) {
        all.writeBytes(source.bytes());
        all.write('\n');
      }
      needed.put(service, all.toByteArray());
      provide(service);
    }
  }

  /** Takes what provides a service; of what is left out, not even its line. */
  private void provide(String service) throws IOException {
    StringBuilder there = new StringBuilder();
    for (String line : new String(needed.get(service), StandardCharsets.UTF_8).split("\n")) {
      String provider = line.replaceFirst("#.*", "").strip();
      if (files.containsKey(provider.replace('.', '/') + CLASS)) {
        need(provider.replace('.', '/'));
        there.append(provider).append('\n');
      }
    }
    needed.put(service, there.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** Returns the texts of a class file: names, descriptors, strings. */
  private static List<String> texts(byte[] file) throws IOException {
    List<String> texts = new ArrayList<>();
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(file));
    in.skipBytes(HEADER);
    int entries = in.readUnsignedShort();
    for (int entry = 1; entry < entries; entry++) {
      int tag = in.readUnsignedByte();
      switch (tag) {
        case 1 -> texts.add(in.readUTF());
        case 3, 4, 9, 10, 11, 12, 17, 18 -> in.skipBytes(4);
        case 5, 6 -> {
          in.skipBytes(8);
          // Numbers of 64 bits take two places.
          entry++;
        }
        case 7, 8, 16, 19, 20 -> in.skipBytes(2);
        case 15 -> in.skipBytes(3);
        default -> throw new IOException("Cannot read a class file: it has an entry of tag " + tag);
      }
    }
    return texts;
  }

  /**
   * Takes files that are no classes: those in or below the folder of a class that is needed, where
   * none but its classes are nearer; and of folders without classes those whose first folder, or at
   * the top whose name, a string begins with.
   */
  private void addResources() throws IOException {
    Set<String> packages = new HashSet<>();
    Set<String> neededPackages = new HashSet<>();
    files.keySet().stream().filter(file -> file.endsWith(CLASS)).forEach(f -> addTo(packages, f));
    needed.keySet().stream()
        .filter(file -> file.endsWith(CLASS))
        .forEach(file -> addTo(neededPackages, file));
    for (Map.Entry<String, List<Source>> each : files.entrySet()) {
      String file = each.getKey();
      if (VERSIONS.matcher(file).matches()) {
        needed.put(file, each.getValue().get(0).bytes());
      } else if (!file.endsWith(CLASS) && !file.startsWith("META-INF/")) {
        String folder = folder(file);
        while (!folder.isEmpty() && !packages.contains(folder)) {
          folder = folder(folder);
        }
        if (folder.isEmpty() ? isNamed(file) : neededPackages.contains(folder)) {
          needed.put(file, each.getValue().get(0).bytes());
        }
      }
    }
  }

  private boolean isNamed(String file) {
    int end = file.indexOf('/');
    String start = end < 0 ? file : file.substring(0, end + 1);
    return strings.stream()
        .anyMatch(text -> text.startsWith(start) || text.startsWith("/" + start));
  }

  private static void addTo(Set<String> folders, String file) {
    folders.add(folder(file));
  }

  private static String folder(String file) {
    return file.substring(0, Math.max(0, file.lastIndexOf('/')));
  }

  /** Writes it all to a jar, not compressed, so that what packs the jar can. */
  void write(Path jar) throws IOException {
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
      out.setMethod(ZipOutputStream.STORED);
      for (Map.Entry<String, byte[]> each : needed.entrySet()) {
        ZipEntry entry = new ZipEntry(each.getKey());
        CRC32 sum = new CRC32();
        sum.update(each.getValue());
        entry.setCrc(sum.getValue());
        entry.setSize(each.getValue().length);
        entry.setTime(0);
        out.putNextEntry(entry);
        out.write(each.getValue());
      }
    }
  }

  /**
   * Packs what a class needs of this program's class path.
   *
   * @param arguments the jar to write, the name of the class
   */
  public static void main(String... arguments) throws IOException {
    List<Path> classPath =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(Path::of)
            .toList();
    new NeededClasses(classPath, arguments[1]).write(Path.of(arguments[0]));
  }
}
