package org.peftsweep.results;

import static org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit.MICROS;
import static org.apache.parquet.schema.LogicalTypeAnnotation.stringType;
import static org.apache.parquet.schema.LogicalTypeAnnotation.timestampType;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.RecordConsumer;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** The types of columns: how each looks to Spark, to Parquet, and how a value is written. */
public enum ColumnType {
  /** A {@link String}. */
  TEXT(DataTypes.StringType) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return Types.primitive(PrimitiveTypeName.BINARY, repetition).as(stringType()).named(name);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      to.addBinary(Binary.fromString((String) value));
    }
  },

  /** An {@link Integer}. */
  INT(DataTypes.IntegerType) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return Types.primitive(PrimitiveTypeName.INT32, repetition).named(name);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      to.addInteger((Integer) value);
    }
  },

  /** A {@link Long}. */
  LONG(DataTypes.LongType) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return Types.primitive(PrimitiveTypeName.INT64, repetition).named(name);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      to.addLong((Long) value);
    }
  },

  /** A {@link Double}. */
  DOUBLE(DataTypes.DoubleType) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return Types.primitive(PrimitiveTypeName.DOUBLE, repetition).named(name);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      to.addDouble((Double) value);
    }
  },

  /** An {@link Instant}, kept to the microsecond. */
  TIMESTAMP(DataTypes.TimestampType) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return Types.primitive(PrimitiveTypeName.INT64, repetition)
          .as(timestampType(true, MICROS))
          .named(name);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      to.addLong(ChronoUnit.MICROS.between(Instant.EPOCH, (Instant) value));
    }
  },

  /** A list of doubles, none of them null. */
  VECTOR(DataTypes.createArrayType(DataTypes.DoubleType, true)) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return Types.list(repetition)
          .element(DOUBLE.parquet(Type.Repetition.REQUIRED, "element"))
          .named(name);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      List<?> list = (List<?>) value;
      to.startGroup();
      if (!list.isEmpty()) {
        to.startField("list", 0);
        for (Object element : list) {
          to.startGroup();
          to.startField("element", 0);
          DOUBLE.write(to, element);
          to.endField("element", 0);
          to.endGroup();
        }
        to.endField("list", 0);
      }
      to.endGroup();
    }
  },

  /** A map of names to numbers, none of them null. */
  NUMBERS(DataTypes.createMapType(DataTypes.StringType, DataTypes.DoubleType, true)) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return map(repetition, name, DOUBLE);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      writeMap(to, (Map<?, ?>) value, DOUBLE);
    }
  },

  /** A map of names to texts, none of them null. */
  TEXTS(DataTypes.createMapType(DataTypes.StringType, DataTypes.StringType, true)) {
    @Override
    Type parquet(Type.Repetition repetition, String name) {
      return map(repetition, name, TEXT);
    }

    @Override
    void write(RecordConsumer to, Object value) {
      writeMap(to, (Map<?, ?>) value, TEXT);
    }
  };

  private final DataType spark;

  ColumnType(DataType spark) {
    this.spark = spark;
  }

  /** Returns the type in Spark SQL. */
  public DataType spark() {
    return spark;
  }

  abstract Type parquet(Type.Repetition repetition, String name);

  /** Writes a value that is not null. */
  abstract void write(RecordConsumer to, Object value);

  private static Type map(Type.Repetition repetition, String name, ColumnType value) {
    return Types.map(repetition)
        .key(TEXT.parquet(Type.Repetition.REQUIRED, "key"))
        .value(value.parquet(Type.Repetition.REQUIRED, "value"))
        .named(name);
  }

  private static void writeMap(RecordConsumer to, Map<?, ?> map, ColumnType type) {
    to.startGroup();
    if (!map.isEmpty()) {
      to.startField("key_value", 0);
      map.forEach(
          (key, value) -> {
            to.startGroup();
            to.startField("key", 0);
            TEXT.write(to, key);
            to.endField("key", 0);
            to.startField("value", 1);
            type.write(to, value);
            to.endField("value", 1);
            to.endGroup();
          });
      to.endField("key_value", 0);
    }
    to.endGroup();
  }
}
