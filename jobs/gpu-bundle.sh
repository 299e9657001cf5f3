#!/usr/bin/env bash
# Packs what jobs/gpu-check.sh needs on a machine that has a GPU with its driver and CUDA 13, but
# neither a JDK nor a network: a Java runtime, the program, its bindings, reference cases with what
# compares them. Two minutes, 40 MB at most.
#
#   jobs/gpu-bundle.sh                  # makes target/gpu-bundle.tar.xz
#   jobs/gpu-bundle.sh && scp target/gpu-bundle.tar.xz gpu-host:
#
# There: tar -xJf gpu-bundle.tar.xz && gpu-bundle/jobs/gpu-check.sh
#
# Needs a JDK 17 with jlink, Maven, and xz.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -gt 0 ]]; then
  usage "${BASH_SOURCE[0]}"
  [[ $1 == --help ]] || exit 2
  exit
fi
build
bin=$(dirname "$(readlink -f "$(java_command)")")
[[ -x $bin/jlink && -x $bin/jar ]] ||
  fail "Cannot find jlink beside $bin/java: set JAVA_HOME to a JDK 17" 2
tests=$(find "$ROOT/target" -maxdepth 1 -name 'peft-sweep-*-tests.jar' -print -quit)
[[ -n $tests ]] || fail "Cannot find the jar of tests: run mvn -B -DskipTests package in $ROOT" 2
bundle=$ROOT/target/gpu-bundle
rm -rf "$bundle" "$bundle.tar.xz"
mkdir -p "$bundle/lib" "$bundle/jobs" "$bundle/conf"
modules=java.base,java.logging,java.management,java.naming,java.security.jgss,java.security.sasl
modules+=,java.xml,jdk.incubator.vector,jdk.management,jdk.security.auth,jdk.unsupported
"$bin/jlink" --strip-debug --compress=0 --no-header-files --no-man-pages \
  --output "$bundle/runtime" --add-modules "$modules"

# pick <jar made> <jar> <paths>: packs a part of a jar anew, not compressed, so that xz can.
pick() {
  local made=$bundle/lib/$1 from=$2 folder=$bundle/part
  shift 2
  mkdir "$folder"
  (cd "$folder" && "$bin/jar" xf "$from" "$@")
  rm -rf "$folder"/META-INF/{MANIFEST.MF,maven,versions} "$folder/module-info.class"
  # Services of what stays behind; devices that are emulated must not take the place of GPUs.
  find "$folder" -path '*/META-INF/services/*' -type f -not -name 'org.peftsweep.*' \
    -not -name 'org.apache.hadoop.fs.FileSystem' -delete
  find "$folder" \( -name org.peftsweep.compute.cuda.DeviceProvider -o -name '*openblas_full*' \) -delete
  "$bin/jar" c0f "$made" -C "$folder" .
  rm -r "$folder"
}

hadoop=org/apache/hadoop
pick peft-sweep.jar "$JAR" META-INF/services cuda org/peftsweep models conf ai com/sun/jna \
  native/lib org/bytedeco/cuda org/bytedeco/javacpp org/bytedeco/openblas
pick tests.jar "$tests" META-INF/services/org.peftsweep.cli.gpu.CheckPart org/peftsweep
pick hadoop.jar "$(ls "$BUILT_SPARK"/jars/hadoop-client-api-*.jar)" META-INF/services core-default.xml \
  $hadoop/HadoopIllegalArgumentException.class \
  $hadoop/{conf,fs,io,metrics2,net,security,service,tracing,util}
shaded=$hadoop/shaded
pick hadoop-runtime.jar "$(ls "$BUILT_SPARK"/jars/hadoop-client-runtime-*.jar)" \
  $hadoop/thirdparty/com/google/common $shaded/com/ctc/wstx $shaded/org/codehaus/stax2 \
  $shaded/org/apache/commons/{codec,collections4,configuration2,io,lang3} \
  $shaded/org/apache/commons/compress/{archivers,utils}
for library in commons-codec commons-io commons-lang3 commons-math3 commons-text gson \
  jackson-annotations jackson-core jackson-databind jackson-dataformat-yaml jackson-datatype-jsr310 \
  slf4j-api snakeyaml; do
  pick $library.jar "$(ls "$BUILT_SPARK"/jars/$library-[0-9]*.jar)"
done
mvn -q -B -f "$ROOT/pom.xml" dependency:copy-dependencies -DoutputDirectory="$bundle/tests" \
  -DincludeGroupIds=org.assertj,org.junit.jupiter,org.junit.platform,org.opentest4j >&2
for library in assertj-core junit-jupiter-api junit-jupiter-params junit-platform-commons opentest4j; do
  pick $library.jar "$(ls "$bundle"/tests/$library-[0-9]*.jar)"
done
rm -r "$bundle/tests"
mkdir "$bundle/golden"
cp -r "$ROOT"/src/test/resources/golden/{models,peft} "$bundle/golden"
cp "$ROOT/jobs/gpu-check.sh" "$bundle/jobs"
mkdir -p "$bundle/src/bench/python"
cp "$ROOT/src/bench/python/gpu_peers.py" "$bundle/src/bench/python"
cp "$ROOT/conf/quickstart.yaml" "$bundle/conf"
tar -C "$ROOT/target" -cf - gpu-bundle | xz -T0 -9e >"$bundle.tar.xz"
bytes=$(stat -c %s "$bundle.tar.xz")
echo "$bundle.tar.xz: $((bytes / 1000000)) MB"
((bytes <= 40 << 20)) || fail "Cannot keep $bundle.tar.xz below 40 MiB: leave out more of its jars"
