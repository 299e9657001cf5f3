#!/usr/bin/env bash
# Shows how a sweep goes on that runs elsewhere, until it ends: from its results folder alone, so
# from any machine that reads it. On a terminal a few lines that change, else a line every 30 s.
#
#   jobs/watch.sh quickstart
#   jobs/watch.sh paper-table2 --output hdfs:///peft --once
#   jobs/watch.sh quickstart --page 8080      # the report as a page of this machine, anew every 15 s
#   jobs/watch.sh my-sweep --stop 0123456789ab    # a trial goes no further than to its next rung
#   jobs/watch.sh my-sweep --cap 2h               # nothing more of this run begins after that; --cap 50: after 50
#
# Options: --output DIR, --once, --page PORT, --stop ID,ID, --cap TRIALS|TIME.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
# Whatever runs the sweep, the report is made here, beside it.
MASTER=local[1]
LIGHT=1
submit watch "$@"
