package org.peftsweep.spec;

import static org.peftsweep.model.Role.FFN_DOWN;
import static org.peftsweep.model.Role.FFN_GATE;
import static org.peftsweep.model.Role.FFN_UP;
import static org.peftsweep.model.Role.OUTPUT;

import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;

/** The names of sets of matrices: {@code qv} is query and value. */
public final class Targets {
  /** The roles that a method may be aimed at, in the order of {@link Role}. */
  public static final List<Role> ROLES = Roles.OF_MATRICES;

  private static final Map<String, Set<Role>> SHORT = shortForms();

  private Targets() {}

  /** Returns every short name with its roles: {@code q}, {@code k} … {@code ffn}, {@code all}. */
  public static Map<String, Set<Role>> shortNames() {
    return SHORT;
  }

  /**
   * Returns the short name, such as {@code qv}, or the roles joined by {@code +}; empty for none.
   */
  public static String name(Set<Role> targets) {
    return SHORT.entrySet().stream()
        .filter(entry -> entry.getValue().equals(targets))
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseGet(() -> targets.stream().sorted().map(Role::id).collect(Collectors.joining("+")));
  }

  /** Returns a name as one value of a block: a set without a short name is a list of roles. */
  static String inBlock(String name) {
    return SHORT.containsKey(name) ? name : "[" + name.replace("+", ", ") + "]";
  }

  /** Returns the name as the benchmark's tables write it: {@code QV}. */
  public static String label(Set<Role> targets) {
    String name = name(targets);
    return SHORT.containsKey(name) ? name.toUpperCase(Locale.ROOT) : name;
  }

  private static Map<String, Set<Role>> shortForms() {
    Map<String, Set<Role>> names = new LinkedHashMap<>();
    for (String letters : List.of("q", "k", "v", "o", "qk", "qv", "kv", "qkv", "qkvo")) {
      Set<Role> roles = EnumSet.noneOf(Role.class);
      letters.chars().forEach(letter -> roles.add(ROLES.get("qkvo".indexOf(letter))));
      names.put(letters, Collections.unmodifiableSet(roles));
    }
    names.put("ffn", Collections.unmodifiableSet(EnumSet.of(FFN_GATE, FFN_UP, FFN_DOWN)));
    names.put("dense", Collections.unmodifiableSet(EnumSet.of(OUTPUT, FFN_UP, FFN_DOWN)));
    names.put("all", Collections.unmodifiableSet(EnumSet.copyOf(ROLES)));
    return Collections.unmodifiableMap(names);
  }
}
