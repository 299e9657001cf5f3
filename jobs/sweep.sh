#!/usr/bin/env bash
# Runs every trial of a sweep file that has no row yet, and prints the table. Safe to stop and start
# again. Seconds to days, as --dry-run estimates.
#
#   jobs/sweep.sh conf/glue-small.yaml --dry-run              # what would run, and how long
#   MASTER=spark://host:7077 GPUS=2 jobs/sweep.sh conf/paper-table2.yaml --output hdfs:///peft
#
# Options: --dry-run, --output DIR, --set KEY=VALUE, --mlflow URI. Variables: see jobs/common.sh.
# Exit status: 0 all finished, 1 a fault, 2 bad input, 3 some trials did not finish.
set -euo pipefail
cd "$(dirname "$0")/.."
source jobs/common.sh
if [[ $# -eq 0 || $1 == --help ]]; then
  usage jobs/sweep.sh
  exit $(($# == 0 ? 2 : 0))
fi
if [[ " $* " == *" --dry-run "* ]]; then
  LIGHT=1
fi
submit sweep "$@"
