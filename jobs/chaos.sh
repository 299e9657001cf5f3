#!/usr/bin/env bash
# Kills the driver, executors, workers and the master of a real cluster on loopback while a sweep
# runs, one a round, at random times; runs the same command again; then checks that no trial was
# lost, repeated or changed, and that a reader never saw half of one. About 15 s a round and minutes
# for a run without kills to compare with.
#
#   jobs/chaos.sh                  # 20 rounds
#   jobs/chaos.sh 3 42             # 3 rounds with the choices of seed 42
#   jobs/chaos.sh 20 42 search     # over a sweep whose trials a rule stops early: nor any rung twice
#
# Arguments: rounds (20), seed of the choices (the time), search or nothing. Logs and report: target/chaos.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ ${1:-} == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit
fi
rounds=${1:-20}
seed=${2:-$(date +%s)}
kind=${3:-whole}
[[ $kind == whole || $kind == search ]] || fail "Cannot use $kind: give search or nothing" 2
[[ $rounds =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+$ ]] ||
  fail "Cannot use rounds = $rounds with seed = $seed: give whole numbers" 2
cd "$ROOT"
build
tests=$(ls target/peft-sweep-*-tests.jar 2>/dev/null) ||
  fail "Cannot find the tests' jar: run mvn -B -DskipTests package"
unset SPARK_HOME
prepare_built_spark
spark=$SPARK_HOME
unset SPARK_HOME
rm -rf target/chaos
echo "chaos: $rounds rounds with seed $seed" >&2
export SPARK_LOCAL_IP=127.0.0.1
exec "$(java_command)" "${JAVA_MODULES[@]}" -Xmx1g \
  "-Dlog4j2.configurationFile=file:$PWD/conf/log4j2.properties" \
  -cp "$tests:$JAR:$spark/jars/*" org.peftsweep.chaos.Chaos target/chaos "$rounds" "$seed" "$kind"
