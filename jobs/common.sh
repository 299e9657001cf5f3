# Sourced by the other scripts, which stand in the project's root: finds Spark, builds, submits.
#
#   MASTER          where trials run; local[*] unless given
#   SPARK_HOME      Spark to submit with; unless given the one that the build assembled
#   GPUS            GPUs of each executor, each for one trial at a time; none unless given
#   MEMORY          heap of driver and executors, 1g unless given; tensors lie outside of the heap
#   SUBMIT_OPTIONS  more options for spark-submit, split at blanks

JAR=target/peft-sweep.jar
BUILT_SPARK=$PWD/target/spark

# Spark's own list for JDK 17; bin/spark-submit adds it by itself.
JAVA_MODULES=(
  --add-modules=jdk.incubator.vector
  --add-opens=java.base/java.lang=ALL-UNNAMED
  --add-opens=java.base/java.lang.invoke=ALL-UNNAMED
  --add-opens=java.base/java.lang.reflect=ALL-UNNAMED
  --add-opens=java.base/java.io=ALL-UNNAMED
  --add-opens=java.base/java.net=ALL-UNNAMED
  --add-opens=java.base/java.nio=ALL-UNNAMED
  --add-opens=java.base/java.util=ALL-UNNAMED
  --add-opens=java.base/java.util.concurrent=ALL-UNNAMED
  --add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED
  --add-opens=java.base/jdk.internal.ref=ALL-UNNAMED
  --add-opens=java.base/sun.nio.ch=ALL-UNNAMED
  --add-opens=java.base/sun.nio.cs=ALL-UNNAMED
  --add-opens=java.base/sun.security.action=ALL-UNNAMED
  --add-opens=java.base/sun.util.calendar=ALL-UNNAMED
  --add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED
  -Djdk.reflect.useDirectMethodHandle=false
  -Dio.netty.tryReflectionSetAccessible=true
)

# usage <script>: prints the comment at the top of a script.
usage() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"
}

# fail <sentence>: what cannot be done and what to do instead.
fail() {
  echo "$1" >&2
  exit "${2:-1}"
}

java_command() {
  if [[ -n ${JAVA_HOME:-} ]]; then
    echo "$JAVA_HOME/bin/java"
  else
    command -v java || fail "Cannot find java: install a JDK 17 or set JAVA_HOME"
  fi
}

# Builds where there is no jar, or sources are younger than it.
build() {
  if [[ ! -f $JAR || -n $(find pom.xml src/main conf -newer "$JAR" -print -quit) ]]; then
    echo "Building $JAR" >&2
    mvn -q -B -DskipTests package >&2
  fi
}

# Makes the jars that the build copied a Spark: its scripts and its workers look for these.
prepare_built_spark() {
  [[ -d $BUILT_SPARK/jars ]] ||
    fail "Cannot find Spark: set SPARK_HOME, or run mvn -B -DskipTests package"
  [[ -f $BUILT_SPARK/RELEASE ]] || touch "$BUILT_SPARK/RELEASE"
  export SPARK_HOME=$BUILT_SPARK SPARK_SCALA_VERSION=2.13
}

# submit <command and its arguments>: runs the program through spark-submit. With LIGHT=1 its own
# JVM compiles quickly rather than well, which halves the processor time of a short run.
submit() {
  [[ -f $JAR ]] || fail "Cannot find $JAR: run mvn -B -DskipTests package"
  local master=${MASTER:-local[*]}
  # One thread a trial: trials side by side use the cores better than threads of one trial.
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
  if [[ -t 2 ]]; then
    export PEFT_SWEEP_TERMINAL=1
  fi
  # JavaCPP would otherwise stop at the heap's size for memory that lies outside of it.
  local native="-Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0"
  local driver=$native
  if [[ ${LIGHT:-} == 1 || $master != local* ]]; then
    driver+=" -XX:TieredStopAtLevel=1"
  fi
  if [[ $master == local* || $master == *//127.0.0.1:* ]]; then
    export SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1}
  fi
  local logging="-Dlog4j2.configurationFile=file:$PWD/conf/log4j2.properties"
  local memory=${MEMORY:-1g}
  local options=(
    --master "$master"
    --class org.peftsweep.cli.Main
    --conf spark.task.maxFailures=1
    --conf "spark.executor.memory=$memory"
    --conf "spark.executorEnv.OMP_NUM_THREADS=$OMP_NUM_THREADS"
    --conf "spark.executor.extraJavaOptions=$native"
  )
  if [[ -n ${GPUS:-} ]]; then
    options+=(
      --conf "spark.executor.resource.gpu.amount=$GPUS"
      --conf spark.task.resource.gpu.amount=1
    )
  fi
  # shellcheck disable=SC2206 # Split at blanks on purpose.
  options+=(${SUBMIT_OPTIONS:-})
  if [[ -n ${SPARK_HOME:-} && -x $SPARK_HOME/bin/spark-submit ]]; then
    exec "$SPARK_HOME/bin/spark-submit" --driver-memory "$memory" \
      --driver-java-options "$driver $logging" "${options[@]}" "$JAR" "$@"
  fi
  prepare_built_spark
  # shellcheck disable=SC2086 # Split at blanks on purpose.
  exec "$(java_command)" "${JAVA_MODULES[@]}" "-Xmx$memory" $driver "$logging" \
    -cp "$SPARK_HOME/jars/*" org.apache.spark.deploy.SparkSubmit "${options[@]}" "$JAR" "$@"
}
