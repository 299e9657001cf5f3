package org.peftsweep.data;

import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DateLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.EnumLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.Float16LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.UnknownLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/** What a Parquet file's values say, by the type that their column says they are of. */
final class ParquetValue {

  private ParquetValue() {}

  /** Whether values of a column are texts or numbers, and can be told from their bytes. */
  static boolean isReadable(PrimitiveType type) {
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    PrimitiveTypeName stored = type.getPrimitiveTypeName();
    if (logical == null) {
      return stored != PrimitiveTypeName.INT96 && stored != PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY;
    }
    return isText(type)
        || logical instanceof IntLogicalTypeAnnotation
        || logical instanceof DecimalLogicalTypeAnnotation
        || logical instanceof Float16LogicalTypeAnnotation
        || logical instanceof DateLogicalTypeAnnotation
        || logical instanceof UnknownLogicalTypeAnnotation;
  }

  /** Programs before Parquet's format had logical types, and some after, left texts unmarked. */
  private static boolean isText(PrimitiveType type) {
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    return type.getPrimitiveTypeName() == PrimitiveTypeName.BINARY
        && (logical == null
            || logical instanceof StringLogicalTypeAnnotation
            || logical instanceof EnumLogicalTypeAnnotation
            || logical instanceof JsonLogicalTypeAnnotation);
  }

  /** The name of a column's type, as messages have it. */
  static String typeName(PrimitiveType type) {
    return type.getLogicalTypeAnnotation() == null
        ? type.getPrimitiveTypeName().name()
        : type.getLogicalTypeAnnotation().toString();
  }

  /**
   * The first value of a column, a number in decimal digits, a date as ISO 8601 has it; null where
   * there is none.
   *
   * @throws Lines.BadLineException if it is a text of other bytes than UTF-8
   */
  static String of(Group row, String column) throws Lines.BadLineException {
    if (!row.getType().containsField(column) || row.getFieldRepetitionCount(column) == 0) {
      return null;
    }
    int field = row.getType().getFieldIndex(column);
    Type type = row.getType().getType(field);
    if (!type.isPrimitive()) {
      return row.getValueToString(field, 0);
    }
    PrimitiveType primitive = type.asPrimitiveType();
    if (isText(primitive)) {
      return text(row, field);
    }
    if (primitive.getLogicalTypeAnnotation() == null || !isReadable(primitive)) {
      return row.getValueToString(field, 0);
    }
    return switch (primitive.getPrimitiveTypeName()) {
      case INT32 -> primitive.stringifier().stringify(row.getInteger(field, 0));
      case INT64 -> primitive.stringifier().stringify(row.getLong(field, 0));
      default -> primitive.stringifier().stringify(row.getBinary(field, 0));
    };
  }

  private static String text(Group row, int field) throws Lines.BadLineException {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(row.getBinary(field, 0).toByteBuffer())
          .toString();
    } catch (CharacterCodingException e) {
      throw new Lines.BadLineException(
          "column " + row.getType().getFieldName(field) + " holds a text that is not UTF-8",
          "write its texts as UTF-8");
    }
  }
}
