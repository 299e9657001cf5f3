#!/usr/bin/env bash
# Looks at this machine and installation: Java, Spark, memory, cores, vector API, GPU, folders of
# models, data and results; says of each what is missing and what to do. Seconds.
#
#   jobs/doctor.sh
#   jobs/doctor.sh --output hdfs:///peft
#   jobs/doctor.sh --gpu                # also runs every kernel on the first GPU, half a minute
#
# Exit status: 0 all fine, 3 something to mend, 2 no Java or Spark to look with.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ ${1:-} == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit
fi
command -v mvn >/dev/null || [[ -f $JAR ]] ||
  fail "Cannot build: there is no Maven and no $JAR; install Maven 3.9, or copy the jar there" 2
build
LIGHT=1
submit doctor "$@"
