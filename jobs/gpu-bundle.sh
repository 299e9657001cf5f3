#!/usr/bin/env bash
# Packs what jobs/gpu-check.sh needs on a machine that has a GPU with its driver and CUDA 13, but
# neither a JDK nor a network: a Java runtime, what the check names of the program and of its
# libraries, reference cases with what compares them. Two minutes, 40 MB at most.
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
[[ -x $bin/jlink ]] ||
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

mvn -q -B -f "$ROOT/pom.xml" dependency:copy-dependencies -DoutputDirectory="$bundle/tests" \
  -DincludeGroupIds=org.assertj,org.junit.jupiter,org.junit.platform,org.opentest4j >&2
# What the check needs of the program, of Spark's jars and of those that compare.
class_path=$tests:$JAR:$(find "$BUILT_SPARK/jars" "$bundle/tests" -name '*.jar' | sort | paste -sd:)
"$bin/java" -cp "$class_path" org.peftsweep.cli.gpu.NeededClasses \
  "$bundle/lib/gpu-check.jar" org.peftsweep.cli.gpu.GpuCheck
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
