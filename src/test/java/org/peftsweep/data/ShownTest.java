package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShownTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http://u:secret@h/x|http://u:***@h/x",
        "http://u:sec@ret@h/x|http://u:***@h/x",
        "s3a://key:sec/re+t=@b/x|s3a://key:***@b/x",
        "http://:secret@h|http://:***@h",
        "Cannot log to http://u:secret@h: it is down|Cannot log to http://u:***@h: it is down",
        "hdfs://h:9000/a@b|hdfs://h:9000/a@b",
        "hdfs://u@h:9000/x|hdfs://u@h:9000/x",
        "mail me@h: now|mail me@h: now",
        "abfs://b@h/x?sig=secret&a=b|abfs://b@h/x?sig=***&a=b",
        "http://h/x?a=b&access_token=secret|http://h/x?a=b&access_token=***"
      })
  void hidesPasswords(String text, String shown) {
    assertThat(Shown.of(text)).isEqualTo(shown);
    assertThat(Shown.hasPassword(text)).isEqualTo(shown.contains("***"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "good|good",
        "two words|two words",
        " good|\" good\"",
        "good |\"good \"",
        "two  words|\"two  words\"",
        "a,b|\"a,b\"",
        "a\tb|\"a\\tb\"",
        "\u00fc\u00a0|\"\u00fc\\u00a0\"",
        "|\"\""
      })
  void namesThatLookLikeOthersStandInQuotes(String name, String shown) {
    String given = name == null ? "" : name;
    assertThat(Shown.name(given)).isEqualTo(shown);
    assertThat(Shown.names(java.util.List.of("x", given))).isEqualTo("[x, " + shown + "]");
  }

  @Test
  void standsOnOneLineAndIsNotLong() {
    assertThat(Shown.of("a\nb\t\u001b[31mc\u202ed\u0000e")).isEqualTo("a b [31mc d e");
    assertThat(Shown.of("x".repeat(5000))).hasSize(200).contains("…");
    assertThat(Shown.sentences("a\u001b\nb")).isEqualTo("a\nb");
  }
}
