package org.peftsweep.spec;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.EnumNamingStrategies;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.cfg.MapperConfig;
import com.fasterxml.jackson.databind.introspect.AnnotatedClass;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.peftsweep.data.Completion;
import org.peftsweep.method.APET;
import org.peftsweep.method.HFT;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.PlugIn;
import org.peftsweep.model.Layers;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Optimizers;

/**
 * A trial as JSON, in one spelling only: keys sorted, no blanks, each real number by the shortest
 * decimal that reads back as itself.
 */
final class TrialJson {
  private static final int ID_DIGITS = 12;
  private static final String VERSION = "version";
  private static final String ID = "id";

  private static final String MODEL = "model";
  private static final String ADAPTER = "adapter";
  private static final String RETENTION = "retention";

  /** The method that a plug-in is plugged into. */
  private static final String OVER = "over";

  /** What a trial's JSON says without deciding its result, by section. */
  private static final Map<String, List<String>> LEFT_OUT_OF_ID =
      Map.of(MODEL, List.of("location"), "task", List.of("location", "skip-bad-rows"));

  /** The same for the task's own record: how its rows are found. */
  private static final List<String> COLUMNS =
      List.of("text-columns", "label-column", "quotes", "dev-fraction");

  /** What counts of the training where no step is taken. */
  static final List<String> EVALUATION = List.of("max-tokens", "pad", "precision");

  /** Its settings stand among those of the training, and the optimizer is not named. */
  private static final String UNNAMED = Optimizers.id(AdamW.class);

  private static final String OPTIMIZER = "optimizer";

  private static final JsonMapper MAPPER = mapper();

  private static final NeutralValues NEUTRAL =
      new NeutralValues(
          Map.ofEntries(
              Map.entry("phase", TextNode.valueOf("evaluation")),
              Map.entry("copy", IntNode.valueOf(0)),
              Map.entry(RETENTION, MAPPER.valueToTree(TaskSource.NONE)),
              Map.entry("layers", TextNode.valueOf(Layers.ALL.toString())),
              Map.entry("model/adapter", MAPPER.valueToTree(AdapterSource.NONE)),
              Map.entry("model/weights", MAPPER.valueToTree(ModelSource.Storage.FP32)),
              Map.entry("training/packing", BooleanNode.FALSE),
              Map.entry("task/sample", MAPPER.valueToTree(TrainSample.WHOLE)),
              Map.entry("task/reported-only", BooleanNode.FALSE),
              Map.entry("task/task/quotes", BooleanNode.FALSE),
              Map.entry("task/task/dev-fraction", DoubleNode.valueOf(0)),
              Map.entry("method/apet/granularity", MAPPER.valueToTree(APET.Granularity.ELEMENT)),
              Map.entry("method/apet/pairs-rank", IntNode.valueOf(0)),
              Map.entry("method/hft/resample", MAPPER.valueToTree(HFT.Resample.NEVER)),
              Map.entry("task/task/completion", MAPPER.valueToTree(Completion.NONE))));

  /** Raised whenever several passes a step would give other numbers. */
  private static final int ACCUMULATION_VERSION = 2;

  /** Raised whenever a rounded step would give other numbers. */
  private static final int ROUNDING_VERSION = 2;

  private TrialJson() {}

  static String write(Trial trial) {
    return text(tree(trial));
  }

  static Trial read(String json) {
    try {
      ObjectNode tree = MAPPER.readValue(json, ObjectNode.class);
      if (tree.get("method") instanceof ObjectNode method) {
        method.remove(VERSION);
        if (method.get(OVER) instanceof ObjectNode over) {
          over.remove(VERSION);
        }
      }
      NEUTRAL.fillIn(tree);
      if (tree.get("training") instanceof ObjectNode training) {
        nameOptimizer(training);
      }
      return MAPPER.treeToValue(tree, Trial.class);
    } catch (JsonProcessingException e) {
      throw new SpecException(
          "Cannot read the settings of a trial: they are damaged or of another version of this"
              + " program, use that or let the trial run anew",
          e);
    }
  }

  static String id(Trial trial) {
    ObjectNode tree = tree(trial.withRetention(TaskSource.NONE));
    LEFT_OUT_OF_ID.forEach((section, keys) -> ((ObjectNode) tree.get(section)).remove(keys));
    ((ObjectNode) tree.get("task").get("task")).remove(COLUMNS);
    if (tree.get(MODEL).get(ADAPTER) instanceof ObjectNode adapter) {
      adapter.remove("location");
    }
    ObjectNode training = (ObjectNode) tree.get("training");
    if (!trial.training().takesSteps()) {
      training.retain(EVALUATION);
    } else if (trial.training().maxSteps() > 0) {
      training.remove("epochs");
    }
    if (trial.training().takesSteps() && trial.training().accumulate() > 1) {
      training.put(VERSION, ACCUMULATION_VERSION);
    }
    if (trial.training().takesSteps() && trial.training().precision() != Training.Precision.FP32) {
      training.put("rounding-version", ROUNDING_VERSION);
    }
    byte[] text = text(tree).getBytes(StandardCharsets.UTF_8);
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(text);
      return HexFormat.of().formatHex(hash).substring(0, ID_DIGITS);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ObjectNode tree(Trial trial) {
    ObjectNode tree = MAPPER.valueToTree(trial);
    NEUTRAL.leaveOut(tree);
    ObjectNode method = (ObjectNode) tree.get("method");
    method.put(VERSION, trial.method().semanticsVersion());
    if (trial.method() instanceof PlugIn plugIn) {
      ((ObjectNode) method.get(OVER)).put(VERSION, plugIn.over().semanticsVersion());
    }
    ObjectNode training = (ObjectNode) tree.get("training");
    ObjectNode optimizer = (ObjectNode) training.get(OPTIMIZER);
    if (optimizer.get(ID).asText().equals(UNNAMED)) {
      training.remove(OPTIMIZER);
      optimizer.remove(ID);
      training.setAll(optimizer);
    } else {
      optimizer.put(VERSION, trial.training().optimizer().semanticsVersion());
    }
    return tree;
  }

  private static void nameOptimizer(ObjectNode training) {
    if (training.get(OPTIMIZER) instanceof ObjectNode named) {
      named.remove(VERSION);
      return;
    }
    ObjectNode optimizer = MAPPER.createObjectNode().put(ID, UNNAMED);
    for (String setting : RecordFields.names(AdamW.class)) {
      if (training.has(setting)) {
        optimizer.set(setting, training.remove(setting));
      }
    }
    training.set(OPTIMIZER, optimizer);
  }

  private static String text(JsonNode tree) {
    try {
      return MAPPER.writeValueAsString(tree);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static JsonMapper mapper() {
    // Double.toString differs between Java releases; the fast writer does not.
    JsonMapper mapper =
        JsonMapper.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(JsonNodeFeature.WRITE_PROPERTIES_SORTED)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(MapperFeature.AUTO_DETECT_IS_GETTERS)
            .propertyNamingStrategy(PropertyNamingStrategies.KEBAB_CASE)
            .annotationIntrospector(new KebabEnums())
            .addMixIn(Method.class, ById.class)
            .addMixIn(Optimizer.class, ById.class)
            .build();
    Methods.all().forEach((id, type) -> mapper.registerSubtypes(new NamedType(type, id)));
    Methods.plugIns().forEach((id, type) -> mapper.registerSubtypes(new NamedType(type, id)));
    Optimizers.all().forEach((id, type) -> mapper.registerSubtypes(new NamedType(type, id)));
    return mapper;
  }

  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = ID)
  private interface ById {}

  private static final class KebabEnums extends JacksonAnnotationIntrospector {
    private static final long serialVersionUID = 1;

    @Override
    public Object findEnumNamingStrategy(MapperConfig<?> config, AnnotatedClass type) {
      return EnumNamingStrategies.KebabCaseStrategy.class;
    }
  }
}
