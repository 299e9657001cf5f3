#!/usr/bin/env bash
# Packs what jobs/gpu-check.sh needs on a machine that has a GPU with its driver and CUDA 13, but
# neither a JDK nor a network: a Java runtime, the program, its bindings. Two minutes.
#
#   jobs/gpu-bundle.sh                  # makes target/gpu-bundle.tar.xz
#   jobs/gpu-bundle.sh && scp target/gpu-bundle.tar.xz gpu-host:
#
# There: tar -xJf gpu-bundle.tar.xz && gpu-bundle/gpu-check.sh
#
# Needs a JDK 17 with jlink, and xz.
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
bundle=$ROOT/target/gpu-bundle
rm -rf "$bundle" "$bundle.tar.xz"
mkdir -p "$bundle/lib" "$bundle/classes"
"$bin/jlink" --strip-debug --compress=0 --no-header-files --no-man-pages --output "$bundle/runtime" \
  --add-modules java.base,java.logging,java.management,java.xml,jdk.incubator.vector,jdk.management,jdk.unsupported
(
  cd "$bundle/classes"
  "$bin/jar" xf "$JAR" META-INF/services cuda org/peftsweep org/bytedeco/cuda org/bytedeco/javacpp \
    org/bytedeco/openblas
  find META-INF/services -type f -not -name 'org.peftsweep.*' -delete
)
"$bin/jar" cf "$bundle/lib/peft-sweep.jar" -C "$bundle/classes" .
rm -r "$bundle/classes"
for library in jackson-annotations jackson-core jackson-databind slf4j-api commons-lang3 \
  commons-math3; do
  cp "$BUILT_SPARK"/jars/$library-[0-9]*.jar "$bundle/lib"
done
cp "$ROOT/jobs/gpu-check.sh" "$bundle"
tar -C "$ROOT/target" -cf - gpu-bundle | xz -T0 -6 >"$bundle.tar.xz"
echo "$bundle.tar.xz: $(($(stat -c %s "$bundle.tar.xz") / 1000000)) MB"
