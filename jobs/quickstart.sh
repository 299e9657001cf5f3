#!/usr/bin/env bash
# Runs the main job on what ships with the project: a sweep of 40 trials on a small model, on all
# cores. Builds first where needed. About a minute on 2 cores; run again it only prints the table.
#
#   jobs/quickstart.sh                        # conf/quickstart.yaml to output/quickstart
#   MASTER=spark://host:7077 jobs/quickstart.sh --dry-run
#
# Options of jobs/sweep.sh may follow.
set -euo pipefail
cd "$(dirname "$0")/.."
source jobs/common.sh
if [[ ${1:-} == --help ]]; then
  usage jobs/quickstart.sh
  exit
fi
build
submit sweep conf/quickstart.yaml "$@"
