#!/usr/bin/env bash
# Runs every trial of a sweep file that is not done yet, and prints the table. Safe to stop, to kill
# and to start again: what is done never runs twice. Seconds to days, as --dry-run estimates.
#
#   jobs/sweep.sh conf/glue-small.yaml --dry-run              # what would run, and how long
#   MASTER=spark://host:7077 GPUS=2 jobs/sweep.sh conf/paper-table2.yaml --output hdfs:///peft
#   jobs/sweep.sh conf/glue-small.yaml --rerun oom,timeout    # exactly those
#   jobs/sweep.sh conf/search-grid.yaml --set stopping.rule=asha --continue 0123456789ab   # stopped early: to its end
#   jobs/sweep.sh conf/quickstart.yaml --until-decided --budget 2h    # then more seeds where they are needed
#
# Options: --dry-run; --output DIR; --set KEY=VALUE; --add '{method: lora, rank: 4}', a block of the grid;
# --until-decided, --budget 30m|2h|1d; --rerun failed,oom,diverged,timeout,invalid,ID;
# --continue ID,ID; --stale rerun|keep, of rows whose method gives other numbers now; --wait for another driver; --mlflow URI.
# Files and folders are relative to where you are; results go to output/ of the project unless given.
# Ctrl-C lets running trials keep their state and ends; twice ends now. Variables: jobs/common.sh.
# Exit status: 0 all finished, 3 all have a row and some did not finish, 2 bad input, 1 else.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
submit sweep "$@"
