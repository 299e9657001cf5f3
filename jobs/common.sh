# Sourced by the other scripts, from whatever folder they are called: finds Spark, builds, submits.
# What a user names is relative to the folder of the call; what the project has lies below ROOT.
#
#   MASTER          where trials run; local[*] unless given
#   SPARK_HOME      Spark to submit with; unless given the one that the build assembled
#   GPUS            GPUs of each executor, each for one trial at a time; none unless given
#   MEMORY          heap of driver and executors, 1g unless given; tensors lie outside of the heap
#   SUBMIT_OPTIONS  more options for spark-submit, split at blanks

ROOT=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
JAR=$ROOT/target/peft-sweep.jar
BUILT_SPARK=$ROOT/target/spark
# The program looks here for what is relative and not in the folder of the call.
export PEFT_SWEEP_HOME=$ROOT

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

# java_command: the path of the JDK's java, checked to be 17 or newer where the JDK says what it is.
java_command() {
  local java=${JAVA_HOME:+$JAVA_HOME/bin/java}
  if [[ -n $java && ! -x $java ]]; then
    fail "Cannot use JAVA_HOME = $JAVA_HOME: it has no bin/java; set it to a JDK 17, or unset it" 2
  fi
  java=${java:-$(command -v java)} || fail "Cannot find java: install a JDK 17 or set JAVA_HOME" 2
  local release version
  release=$(dirname "$(dirname "$(readlink -f "$java")")")/release
  version=$(sed -n 's/^JAVA_VERSION="\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' "$release" 2>/dev/null) || true
  if [[ -n $version && $version -lt 17 ]]; then
    fail "Cannot use $java: it is Java $version; set JAVA_HOME to a JDK 17" 2
  fi
  echo "$java"
}

# Builds where there is no jar, or sources are younger than it.
build() {
  if [[ ! -f $JAR ||
    -n $(find "$ROOT/pom.xml" "$ROOT/src/main" "$ROOT/conf" -newer "$JAR" -print -quit) ]]; then
    echo "Building $JAR" >&2
    mvn -q -B -f "$ROOT/pom.xml" -DskipTests package >&2
  fi
}

# Refuses a SPARK_HOME that cannot run the program.
check_spark() {
  [[ -x $SPARK_HOME/bin/spark-submit ]] ||
    fail "Cannot use SPARK_HOME = $SPARK_HOME: it has no bin/spark-submit; set it to a folder of \
Spark 4, or unset it for the Spark that the build assembles" 2
  local core
  core=$(find "$SPARK_HOME/jars/" -maxdepth 1 -name 'spark-core_*.jar' -print -quit 2>/dev/null) || true
  if [[ -n $core && $core != */spark-core_2.13-4* ]]; then
    fail "Cannot use SPARK_HOME = $SPARK_HOME: it has ${core##*/}; set it to a folder of Spark 4 \
for Scala 2.13, or unset it for the Spark that the build assembles" 2
  fi
}

# check_variables: refuses values that Java or Spark would answer with a trace, or print with a
# password in them.
check_variables() {
  local name
  for name in MASTER SUBMIT_OPTIONS SPARK_HOME; do
    [[ ! ${!name:-} =~ ://[^/[:space:]]*:[^@[:space:]]*@ ]] ||
      fail "Cannot use $name with a password in an address: give it in the configuration of Spark \
or Hadoop" 2
  done
  local hosts='[^/:,[:space:]]+:[0-9]+'
  [[ ${MASTER:-local} =~ ^(local|local\[([1-9][0-9]*|\*)(,[1-9][0-9]*)?\]|local-cluster\[.*\]|yarn|k8s://[^[:space:]]+|spark://$hosts(,$hosts)*)$ ]] ||
    fail "Cannot use MASTER = $MASTER: give local[N], spark://host:port, yarn or k8s://address" 2
  [[ ${MEMORY:-1g} =~ ^[1-9][0-9]*[kmgtKMGT]?$ ]] ||
    fail "Cannot use MEMORY = $MEMORY: give a number and a unit, such as 1g" 2
  [[ ${GPUS:-0} =~ ^[0-9]+$ ]] ||
    fail "Cannot use GPUS = $GPUS: give a whole number" 2
  [[ ${OMP_NUM_THREADS:-1} =~ ^[1-9][0-9]*$ ]] ||
    fail "Cannot use OMP_NUM_THREADS = $OMP_NUM_THREADS: give a whole number" 2
}

# Makes the jars that the build copied a Spark: its scripts and its workers look for these.
prepare_built_spark() {
  [[ -d $BUILT_SPARK/jars ]] ||
    fail "Cannot find Spark: set SPARK_HOME, or run mvn -B -DskipTests package in $ROOT"
  [[ -f $BUILT_SPARK/RELEASE ]] || touch "$BUILT_SPARK/RELEASE"
  export SPARK_HOME=$BUILT_SPARK SPARK_SCALA_VERSION=2.13
}

# submit <command and its arguments>: runs the program through spark-submit. With LIGHT=1 its own
# JVM compiles quickly rather than well, which halves the processor time of a short run.
submit() {
  check_variables
  if [[ -n ${SPARK_HOME:-} ]]; then
    check_spark
  fi
  local java
  java=$(java_command)
  [[ -f $JAR ]] || fail "Cannot find $JAR: run mvn -B -DskipTests package in $ROOT" 2
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
  # As a variable: a path with blanks would be split among options.
  export LOG4J_CONFIGURATION_FILE=$ROOT/conf/log4j2.properties
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
    if [[ $master == spark://127.0.0.1:* &&
      -f ${CLUSTER_FOLDER:-$ROOT/target/cluster}/gpus-1.sh ]]; then
      # The addresses of jobs/cluster.sh, which are no GPUs.
      options+=(--conf spark.peftsweep.simulatedGpus=true)
    fi
  fi
  # shellcheck disable=SC2206 # Split at blanks on purpose.
  options+=(${SUBMIT_OPTIONS:-})
  if [[ -n ${SPARK_HOME:-} ]]; then
    exec "$SPARK_HOME/bin/spark-submit" --driver-memory "$memory" \
      --driver-java-options "$driver" "${options[@]}" "$JAR" "$@"
  fi
  prepare_built_spark
  # shellcheck disable=SC2086 # Split at blanks on purpose.
  exec "$java" "${JAVA_MODULES[@]}" "-Xmx$memory" $driver \
    -cp "$SPARK_HOME/jars/*" org.apache.spark.deploy.SparkSubmit "${options[@]}" "$JAR" "$@"
}
