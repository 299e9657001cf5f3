#!/usr/bin/env bash
# Runs the main job on what ships with the project: a sweep of 20 trials on a small model, on all
# cores. Builds first where needed. About a minute on 2 cores; run again it only prints the table.
#
#   jobs/quickstart.sh                        # conf/quickstart.yaml to output/quickstart
#   MASTER=spark://host:7077 jobs/quickstart.sh --dry-run
#
# Options of jobs/sweep.sh may follow.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ ${1:-} == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit
fi
build
submit sweep "$ROOT/conf/quickstart.yaml" "$@"
