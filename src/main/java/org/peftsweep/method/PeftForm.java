package org.peftsweep.method;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;

/**
 * How Hugging Face's PEFT writes a method down in {@code adapter_config.json}. Keys and values are
 * PEFT's.
 *
 * @param type PEFT's name of the kind of adapter
 * @param deciding settings that decide what the tensors compute: an adapter that a trial starts
 *     from must have the same
 * @param others the rest
 * @param isConverted whether the tensors are converted on the way, so that there is no way back
 * @param unconverted for converted tensors, how PEFT writes those that are not, which a trial can
 *     start from; null where it does not
 */
public record PeftForm(
    String type,
    Map<String, Object> deciding,
    Map<String, Object> others,
    boolean isConverted,
    PeftForm unconverted) {
  private static final Pattern LAYER = Pattern.compile("(.*?\\.)\\d+(\\..*)");

  public static PeftForm of(String type) {
    return new PeftForm(type, Map.of(), Map.of(), false, null);
  }

  /** Returns how an adapter is written that a trial can start from; empty where there is none. */
  public Optional<PeftForm> start() {
    return isConverted ? Optional.ofNullable(unconverted) : Optional.of(this);
  }

  /** LoRA, whose update is scaled by {@code alpha / rank}. */
  public static PeftForm lora(int rank, double alpha, double dropout) {
    return of("LORA")
        .deciding("r", rank)
        .deciding("lora_alpha", number(alpha))
        .deciding("use_rslora", false)
        .deciding("use_dora", false)
        .other("lora_dropout", dropout)
        .other("init_lora_weights", true);
  }

  public PeftForm deciding(String key, Object value) {
    return new PeftForm(type, with(deciding, key, value), others, isConverted, unconverted);
  }

  public PeftForm other(String key, Object value) {
    return new PeftForm(type, deciding, with(others, key, value), isConverted, unconverted);
  }

  public PeftForm converted() {
    return convertedFrom(null);
  }

  /** Says how the same adapter is written unconverted, by which PEFT finds its base again. */
  public PeftForm convertedFrom(PeftForm plain) {
    return new PeftForm(type, deciding, others, true, plain);
  }

  private static Map<String, Object> with(Map<String, Object> settings, String key, Object value) {
    Map<String, Object> more = new LinkedHashMap<>(settings);
    more.put(key, value);
    return more;
  }

  /** Returns the rank of a LoRA. */
  public int rank() {
    return (Integer) deciding.get("r");
  }

  /** PEFT declares some whole numbers that are real numbers here. */
  public static Object number(double value) {
    return value == Math.rint(value) && Math.abs(value) < Integer.MAX_VALUE
        ? (Object) (int) value
        : (Object) value;
  }

  /**
   * Returns the shortest endings, from a dot on, that tell these modules from all others of a
   * model: so PEFT finds what an adapter adapts.
   */
  public static Set<String> suffixes(Collection<String> chosen, Model model) {
    return suffixes(chosen, model, 0);
  }

  /**
   * Returns the shortest endings of whole words that tell these modules from all others even where
   * they are parts of words there: so PEFT finds what an adapter saves beside.
   */
  public static Set<String> savedSuffixes(Collection<String> chosen, Model model) {
    return suffixes(chosen, model, 1);
  }

  /**
   * @param skipped characters of an ending, from its dot on, that others need not have
   */
  private static Set<String> suffixes(Collection<String> chosen, Model model, int skipped) {
    List<String> others =
        Stream.concat(
                model.parameters().stream().map(Parameter::module),
                chosen.stream().flatMap(module -> ofOtherLayers(module, model.layers())))
            .filter(module -> !chosen.contains(module))
            .toList();
    return chosen.stream()
        .map(
            module -> {
              int dot = module.lastIndexOf('.');
              while (dot >= 0 && endsAny(others, module.substring(dot + skipped))) {
                dot = module.lastIndexOf('.', dot - 1);
              }
              return module.substring(dot + 1);
            })
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /**
   * The same module of every layer, whether the model has it or not: where a layer lacks it, the
   * reference library may have one there that does nothing, and PEFT cannot adapt that.
   */
  private static Stream<String> ofOtherLayers(String module, int layers) {
    Matcher layer = LAYER.matcher(module);
    return layer.matches()
        ? IntStream.range(0, layers).mapToObj(i -> layer.group(1) + i + layer.group(2))
        : Stream.of();
  }

  private static boolean endsAny(List<String> modules, String suffix) {
    return modules.stream().anyMatch(module -> module.endsWith(suffix));
  }
}
