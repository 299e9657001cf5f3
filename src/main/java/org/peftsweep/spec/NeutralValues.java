package org.peftsweep.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Keys that a trial's JSON leaves out where they have the value at which they change nothing, at
 * any depth. A key that is listed here leaves the id of every trial without it as it is, and rows
 * without it can be read.
 *
 * <p>A value listed here never changes, whatever the default of sweep files is.
 *
 * @param byPath values by path: {@code phase}, {@code model/adapter}; a setting of a method or an
 *     optimizer has its id in front, {@code method/lora/rank}, also where a plug-in is over it
 */
record NeutralValues(Map<String, JsonNode> byPath) {
  private static final String ID = "id";

  /** Takes out of a whole trial what is neutral. */
  void leaveOut(ObjectNode trial) {
    byPath.forEach(
        (path, value) ->
            owners(trial, path)
                .filter(owner -> value.equals(owner.get(key(path))))
                .forEach(owner -> owner.remove(key(path))));
  }

  /** Puts what was left out back. */
  void fillIn(ObjectNode trial) {
    byPath.forEach(
        (path, value) ->
            owners(trial, path).forEach(owner -> owner.putIfAbsent(key(path), value.deepCopy())));
  }

  private static String key(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private static Stream<ObjectNode> owners(ObjectNode trial, String path) {
    List<String> steps = List.of(path.split("/"));
    return owners(trial, steps.subList(0, steps.size() - 1)).toList().stream();
  }

  private static Stream<ObjectNode> owners(ObjectNode node, List<String> steps) {
    if (steps.isEmpty()) {
      return Stream.of(node);
    }
    List<String> rest = steps.subList(1, steps.size());
    if (node.get(steps.get(0)) instanceof ObjectNode inner) {
      return owners(inner, rest);
    }
    if (!node.has(ID)) {
      return Stream.empty();
    }
    return node.get(ID).asText().equals(steps.get(0))
        ? owners(node, rest)
        : node.valueStream()
            .filter(ObjectNode.class::isInstance)
            .flatMap(inner -> owners((ObjectNode) inner, steps));
  }
}
