#!/usr/bin/env bash
# Answers Spark SQL over the tables of all sweeps: the views trials, curves, predictions, layers,
# events, leaderboard, interactions, proxy_predictions and proxy_scores of conf/views.sql. Without
# SQL it asks at a prompt, with history; where standard input is no terminal it runs what stands
# there. Seconds.
#
#   jobs/query.sh
#   jobs/query.sh "SELECT method, count(*) FROM trials GROUP BY method"
#   jobs/query.sh "SELECT * FROM curves" --format csv --output hdfs:///peft > curves.csv
#
# Options: --output DIR, --format table|csv|json. What the columns mean: jobs/query.sh --schema
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ ${1:-} == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit
fi
LIGHT=1
if [[ ${1:-} == --schema ]]; then
  submit schema
fi
submit query "$@"
