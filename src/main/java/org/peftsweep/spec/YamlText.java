package org.peftsweep.spec;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.peftsweep.data.Shown;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionEndEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.reader.StreamReader;

/**
 * Reads YAML as a tree of values with their places. No object is made from the text: tags of one's
 * own, anchors and merged maps are refused.
 */
final class YamlText {
  private static final Set<Tag> TAGS =
      Set.of(
          Tag.STR,
          Tag.INT,
          Tag.FLOAT,
          Tag.BOOL,
          Tag.NULL,
          Tag.TIMESTAMP,
          Tag.SEQ,
          Tag.MAP,
          Tag.MERGE);

  /** Far above any sweep file. */
  private static final int MOST_CHARACTERS = 1 << 20;

  private static final int DEEPEST = 20;

  private final Function<Mark, String> places;
  private final SpecErrors faults;

  private YamlText(Function<Mark, String> places, SpecErrors faults) {
    this.places = places;
    this.faults = faults;
  }

  /** Reads a file, whose top must be a map of keys. */
  static Value.Section file(String name, String text, SpecErrors faults) {
    YamlText reader = new YamlText(mark -> name + ":" + (mark.getLine() + 1), faults);
    Node node = reader.compose(text, name);
    if (node == null) {
      throw new SpecException("Cannot read " + name + ": it is empty");
    }
    Value value = reader.value(node);
    if (value instanceof Value.Section section) {
      return section;
    }
    throw new SpecException("Cannot read " + value.place() + ": write keys, such as name: mine");
  }

  /** Reads one value, every part of which stands at {@code place}. */
  static Value value(String place, String text, SpecErrors faults) {
    YamlText reader = new YamlText(mark -> place, faults);
    Node node = reader.compose(text, place);
    return node == null ? new Value.Scalar(place, "", true, Tag.NULL) : reader.value(node);
  }

  private Node compose(String text, String name) {
    requireSmall(text, name);
    requirePrintable(text, name);
    LoaderOptions options = new LoaderOptions();
    try {
      requirePlain(new Yaml(options).parse(new StringReader(text)));
      return new Yaml(options).compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      throw YamlFault.of(e, places, name);
    }
  }

  private void requireSmall(String text, String name) {
    if (text.length() > MOST_CHARACTERS) {
      long line = text.substring(0, MOST_CHARACTERS).lines().count();
      Mark mark = new Mark(name, MOST_CHARACTERS, (int) Math.max(0, line - 1), 0, new int[0], 0);
      throw new SpecException(
          "Cannot read %s: it has more than %d characters from here on, give a shorter file"
              .formatted(places.apply(mark), MOST_CHARACTERS));
    }
  }

  /** Names the line of a character that no YAML has, which the parser does not. */
  private void requirePrintable(String text, String name) {
    int line = 0;
    for (int i = 0; i < text.length(); i++) {
      int character = text.codePointAt(i);
      if (!StreamReader.isPrintable(character)) {
        Mark mark = new Mark(name, i, line, 0, new int[0], 0);
        throw new SpecException(
            "Cannot read %s: YAML has no character U+%04X, %s"
                .formatted(
                    places.apply(mark),
                    character,
                    character == 0
                        ? "save the file as UTF-8"
                        : "leave it out, or write \"\\u%04x\"".formatted(character)));
      }
      i += Character.charCount(character) - 1;
      line += character == '\n' ? 1 : 0;
    }
  }

  /** Refuses what would take memory and time beyond the text's own size. */
  private void requirePlain(Iterable<Event> events) {
    int depth = 0;
    for (Event event : events) {
      if (event instanceof CollectionStartEvent) {
        depth++;
      } else if (event instanceof CollectionEndEvent) {
        depth--;
      } else if (event instanceof AliasEvent alias) {
        throw new SpecException(
            "Cannot use the alias %s in %s: write the value out"
                .formatted(Shown.value(alias.getAnchor()), places.apply(event.getStartMark())));
      }
      if (depth > DEEPEST) {
        throw new SpecException(
            "Cannot read %s: it lies more than %d levels deep, write it flatter"
                .formatted(places.apply(event.getStartMark()), DEEPEST));
      }
    }
  }

  private Value value(Node node) {
    String place = places.apply(node.getStartMark());
    if (node.getAnchor() != null) {
      throw new SpecException(
          "Cannot use the anchor " + node.getAnchor() + " in " + place + ": write the value out");
    }
    if (!TAGS.contains(node.getTag())) {
      throw new SpecException(
          "Cannot use the tag "
              + node.getTag().getValue()
              + " in "
              + place
              + ": write the value without a tag");
    }
    if (node instanceof MappingNode mapping) {
      return section(place, mapping);
    }
    if (node instanceof SequenceNode sequence) {
      List<Value> items = new ArrayList<>();
      sequence.getValue().forEach(item -> items.add(value(item)));
      return new Value.Items(place, List.copyOf(items));
    }
    ScalarNode scalar = (ScalarNode) node;
    return new Value.Scalar(place, scalar.getValue(), scalar.isPlain(), scalar.getTag());
  }

  private Value.Section section(String place, MappingNode mapping) {
    Map<String, Value.Entry> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      Value key = value(tuple.getKeyNode());
      Value value = value(tuple.getValueNode());
      if (!(key instanceof Value.Scalar)) {
        faults.add("Cannot use " + key.text() + " as a key in " + key.place() + ": use a word");
        continue;
      }
      Value.Entry earlier = entries.putIfAbsent(key.text(), new Value.Entry(key.place(), value));
      if (earlier != null) {
        faults.add(
            "Cannot use the key "
                + key.text()
                + " twice, in "
                + earlier.place()
                + " and "
                + key.place()
                + ": leave one out");
      }
    }
    return new Value.Section(place, entries);
  }
}
