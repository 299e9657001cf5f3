package org.peftsweep.model;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A set of roles that matrices of layers have, which may be empty. Equal sets are equal, however
 * they were written.
 */
public final class Roles {
  /** All that can be in a set, in the order of {@link Role}. */
  public static final List<Role> OF_MATRICES =
      List.copyOf(EnumSet.range(Role.QUERY, Role.FFN_DOWN));

  private static final String NOTHING = "none";
  private static final String JOIN = "-and-";

  private final Set<Role> roles = EnumSet.noneOf(Role.class);

  private Roles(Collection<Role> roles) {
    this.roles.addAll(roles);
    if (!OF_MATRICES.containsAll(this.roles)) {
      throw new IllegalArgumentException("Cannot use roles = " + this + ": " + choices());
    }
  }

  /**
   * Returns the set of these.
   *
   * @throws IllegalArgumentException for a role that is none of a layer's matrices
   */
  public static Roles of(Collection<Role> roles) {
    return new Roles(roles);
  }

  /** The same of roles one by one. */
  public static Roles of(Role... roles) {
    return of(List.of(roles));
  }

  /**
   * Reads what {@link #toString} writes, roles in any order.
   *
   * @throws IllegalArgumentException for anything else
   */
  @JsonCreator
  public static Roles of(String text) {
    Set<Role> roles = EnumSet.noneOf(Role.class);
    if (!text.equals(NOTHING)) {
      for (String id : text.split(JOIN, -1)) {
        boolean isNew =
            OF_MATRICES.stream().anyMatch(role -> role.id().equals(id) && roles.add(role));
        if (!isNew) {
          throw new IllegalArgumentException("Cannot use roles = " + text + ": " + choices());
        }
      }
    }
    return of(roles);
  }

  private static String choices() {
    return OF_MATRICES.stream()
            .map(Role::id)
            .collect(Collectors.joining(", ", "choose none, ", ", or several such as "))
        + List.of(Role.KEY, Role.FFN_DOWN).stream().map(Role::id).collect(Collectors.joining(JOIN));
  }

  /** Whether a role is among them. */
  public boolean contains(Role role) {
    return roles.contains(role);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Roles set && roles.equals(set.roles);
  }

  @Override
  public int hashCode() {
    return roles.hashCode();
  }

  /** Returns {@code none}, or the roles in their order: {@code output-and-ffn-down}. */
  @JsonValue
  @Override
  public String toString() {
    return roles.isEmpty()
        ? NOTHING
        : roles.stream().map(Role::id).collect(Collectors.joining(JOIN));
  }
}
