#!/usr/bin/env bash
# Runs a trial again from its row in the tables, on this machine, and says whether it came out
# equal bit for bit: the points of its curve with their scores, and its predictions. Writes nothing.
#
#   jobs/replay.sh 0123456789ab
#   jobs/replay.sh 0123456789ab --output hdfs:///peft --sweep paper-table2
#
# Ids: jobs/query.sh "SELECT id, title FROM trials". Bits are equal on one kind of processor.
# Exit status: 0 equal, 1 different or a fault, 2 bad input.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
submit replay "$@"
