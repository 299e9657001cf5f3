package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.TestFolders;

class SafeTensorsFaultTest {
  @TempDir Path folder;

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          []                                                            | does not begin with {
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x      | not valid JSON
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} {}     | goes on after the closing brace
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}         | not valid JSON
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},}       | not valid JSON
          {"x":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}        | x has the unknown dtype F31
          {"x":{"dtype":7,"shape":[2],"data_offsets":[0,8]}}            | the dtype of x is no word
          {"x":{"shape":[2],"data_offsets":[0,8]}}                      | x has no dtype
          {"x":{"dtype":"F32","data_offsets":[0,8]}}                    | x has no shape
          {"x":{"dtype":"F32","shape":[2]}}                             | x has no data_offsets
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"y":1}}  | x has the unknown key y
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}      | x has 3 data_offsets, not 2
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}        | x ends at 0, before it begins at 8
          {"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}       | the shape of x holds something that is no whole number
          {"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}      | the shape of x holds something that is no whole number
          {"x":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}}      | not valid JSON
          {"x":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}          | the shape of x is no list
          {"x":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]}} | the shape of x holds something
          {"x":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}} | x has a shape of more than 2^63-1 bytes
          {"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}        | x of F32 [3] cannot fill 8 bytes
          {"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}        | x begins at 4, where byte 0 is due
          {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}        | describes 4 bytes of data and 8 are there
          {"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}       | it was cut short: fetch the file again
          {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | has a key twice
          {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | y begins at 0, where byte 4 is due
          {"__metadata__":{"a":1},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | holds a value that is not a string, a
          """)
  void aFaultyHeaderIsRefusedWithItsReason(String header, String reason) throws IOException {
    Path path = SafeTensorsBytes.write(folder.resolve("f.safetensors"), header, new byte[8]);
    assertThatThrownBy(() -> SafeTensors.open(path))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith("Cannot open " + path + " as safetensors: ")
        .hasMessageContaining(reason);
  }

  @Test
  void aHeaderInUtf16IsRefused() throws IOException {
    byte[] header = "{}".getBytes(StandardCharsets.UTF_16LE);
    Path path = Files.write(folder.resolve("f"), SafeTensorsBytes.of(header, new byte[0]));
    assertThatThrownBy(() -> SafeTensors.open(path)).isInstanceOf(CheckpointException.class);
  }

  @Test
  void aNameThatIsNotUtf8IsRefused() throws IOException {
    byte[] header =
        "{\"\u00e4\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"
            .getBytes(StandardCharsets.ISO_8859_1);
    Path path = Files.write(folder.resolve("f"), SafeTensorsBytes.of(header, new byte[0]));
    assertThatThrownBy(() -> SafeTensors.open(path))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("its header is not valid UTF-8");
  }

  @ParameterizedTest
  @CsvSource({
    "100000001, more than the 100000000 that the format allows",
    "-1, its header would have 18446744073709551615 bytes",
    "99999999, its header would have 99999999 bytes and the file has only 8",
    "0, its header does not begin with {"
  })
  void aLengthThatTheFileDoesNotHoldIsRefused(long length, String reason) throws IOException {
    byte[] bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
    Path path = Files.write(folder.resolve("f"), bytes);
    assertThatThrownBy(() -> SafeTensors.open(path))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void anEmptyFileAFolderAndNothingAtAllAreRefused() throws IOException {
    Path empty = Files.createFile(folder.resolve("empty"));
    assertThatThrownBy(() -> SafeTensors.open(empty))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("it has only 0 bytes");
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("it is a folder; supply a file of that name");
    assertThatThrownBy(() -> SafeTensors.open(folder.resolve("absent")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("there is no such file; supply it");
  }

  @Test
  void messagesStayShortAndOnOneLine() throws IOException {
    String name = "x\\n" + "y".repeat(10_000);
    String header = "{\"" + name + "\":{\"dtype\":\"F31\"}}";
    Path path = SafeTensorsBytes.write(folder.resolve("f"), header, new byte[0]);
    assertThatThrownBy(() -> SafeTensors.open(path))
        .isInstanceOf(CheckpointException.class)
        .message()
        .doesNotContain("\n")
        .hasSizeLessThan(path.toString().length() + 200);
  }

  @Test
  void genuineBrokenDownloadsAreRefusedByName() {
    Path broken = TestFolders.shared("checkpoints").resolve("broken");
    assertThat(TestFolders.filesBelow(broken, ".safetensors"))
        .hasSizeGreaterThanOrEqualTo(2)
        .allSatisfy(
            path ->
                assertThatThrownBy(() -> SafeTensors.open(path))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageStartingWith("Cannot open " + path)
                    .message()
                    .containsAnyOf("git-lfs pointer", "cut short"));
  }
}
