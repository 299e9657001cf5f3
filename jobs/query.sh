#!/usr/bin/env bash
# Answers Spark SQL over the tables of all sweeps: views trials, curves, predictions and events.
# Seconds.
#
#   jobs/query.sh "SELECT method, count(*) FROM trials GROUP BY method"
#   jobs/query.sh "SELECT * FROM curves" --format csv --output hdfs:///peft > curves.csv
#
# Options: --output DIR, --format table|csv|json. What the columns mean: jobs/query.sh --schema
set -euo pipefail
cd "$(dirname "$0")/.."
source jobs/common.sh
if [[ $# -eq 0 || $1 == --help ]]; then
  usage jobs/query.sh
  exit $(($# == 0 ? 2 : 0))
fi
LIGHT=1
if [[ $1 == --schema ]]; then
  submit schema
fi
submit query "$@"
