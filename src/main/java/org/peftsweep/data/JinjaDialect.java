package org.peftsweep.data;

import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import jinjava.javax.el.MapELResolver;
import org.apache.commons.lang3.StringUtils;
import org.apache.commons.text.WordUtils;

/** What chat templates use of Jinja that the library does not know, or does otherwise. */
final class JinjaDialect {
  /** Blanks before a block on its line, and one line break after it. */
  private static final Pattern BLANKS_BEFORE_BLOCK =
      Pattern.compile("(?m)^[ \\t]+(?=\\{[%#](?!\\+))");

  private static final Pattern BREAK_AFTER_BLOCK = Pattern.compile("(?<!\\+)([%#]\\})\\n");

  private static final Pattern STRIP_BEFORE = Pattern.compile("\\s*\\{([%{#])-");
  private static final Pattern STRIP_AFTER = Pattern.compile("-([%}#])\\}\\s*");
  private static final Pattern REVERSED = Pattern.compile("([\\w.]+)\\[::-1\\]");
  private static final Pattern NAMESPACE = Pattern.compile("namespace\\(([^()]*)\\)");
  private static final Pattern NAMED = Pattern.compile("(\\w+)\\s*=\\s*([^,]+)");
  private static final Pattern GENERATION = Pattern.compile("\\{% *(end)?generation *%\\}");

  private JinjaDialect() {}

  /** Returns a template that says the same in what the library knows. */
  static String plain(String template) {
    String text = BLANKS_BEFORE_BLOCK.matcher(template).replaceAll("");
    text = STRIP_BEFORE.matcher(text).replaceAll("{$1");
    text = STRIP_AFTER.matcher(text).replaceAll("$1}");
    text = BREAK_AFTER_BLOCK.matcher(text).replaceAll("$1");
    text = GENERATION.matcher(text).replaceAll("");
    text = REVERSED.matcher(text).replaceAll("($1|reverse|list)");
    return NAMESPACE
        .matcher(text)
        .replaceAll(
            call -> "namespace(" + NAMED.matcher(call.group(1)).replaceAll("$1=($2)") + ")");
  }

  /** Returns what looks names up as the library does, after Python's methods of strings. */
  static ELResolver resolver() {
    CompositeELResolver resolver = new CompositeELResolver();
    resolver.add(new PythonStrings());
    resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
    return resolver;
  }

  /** Returns what writes JSON with Python's blanks. */
  static ObjectMapper json() {
    Separators separators =
        new Separators()
            .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
            .withObjectEntrySpacing(Separators.Spacing.AFTER)
            .withArrayValueSpacing(Separators.Spacing.AFTER)
            .withObjectEmptySeparator("")
            .withArrayEmptySeparator("");
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter(separators)
            .withObjectIndenter(new DefaultPrettyPrinter.NopIndenter())
            .withArrayIndenter(new DefaultPrettyPrinter.NopIndenter());
    return JsonMapper.builder()
        .enable(SerializationFeature.INDENT_OUTPUT)
        .defaultPrettyPrinter(printer)
        .build();
  }

  /** Knows methods of strings, and leaves all else to others. */
  private static final class PythonStrings extends MapELResolver {
    @Override
    public Object getValue(ELContext context, Object base, Object property) {
      return null;
    }

    @Override
    public Object invoke(
        ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
      if (!(base instanceof CharSequence)) {
        return null;
      }
      Object value = value(base.toString(), method.toString(), Arrays.asList(arguments));
      if (value != null) {
        context.setPropertyResolved(true);
      }
      return value;
    }

    private static Object value(String text, String method, List<Object> arguments) {
      String first = arguments.isEmpty() ? null : String.valueOf(arguments.get(0));
      return switch (method) {
        case "strip" -> StringUtils.strip(text, first);
        case "lstrip" -> StringUtils.stripStart(text, first);
        case "rstrip" -> StringUtils.stripEnd(text, first);
        case "startswith" -> text.startsWith(first);
        case "endswith" -> text.endsWith(first);
        case "upper" -> text.toUpperCase(Locale.ROOT);
        case "lower" -> text.toLowerCase(Locale.ROOT);
        case "title" -> WordUtils.capitalizeFully(text);
        case "find" -> (long) text.indexOf(first);
        case "split" -> split(text, first, arguments);
        default -> null;
      };
    }

    /** Python's: at each separator, or at runs of blanks. */
    private static List<String> split(String text, String separator, List<Object> arguments) {
      if (separator == null) {
        return new ArrayList<>(List.of(StringUtils.split(text)));
      }
      int most = arguments.size() > 1 ? ((Number) arguments.get(1)).intValue() + 1 : 0;
      String[] parts = StringUtils.splitByWholeSeparatorPreserveAllTokens(text, separator, most);
      return new ArrayList<>(List.of(parts));
    }
  }
}
