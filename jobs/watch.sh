#!/usr/bin/env bash
# Shows how a sweep goes on that runs elsewhere, until it ends: from its results folder alone, so
# from any machine that reads it. On a terminal a few lines that change, else a line every 30 s.
#
#   jobs/watch.sh quickstart
#   jobs/watch.sh paper-table2 --output hdfs:///peft --once
#
# Options: --output DIR, --once.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
LIGHT=1
submit watch "$@"
