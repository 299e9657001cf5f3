#!/usr/bin/env bash
# Says what the results of a sweep, or of several together, mean: tie groups, the paper's claims,
# costs, learning curves. At any time, while the sweep runs too. Some ten seconds.
#
#   jobs/report.sh quickstart                 # prints it, and writes output/quickstart/report/report.html
#   jobs/report.sh quickstart --task mini-mnli --within 1MB    # which recipe to use
#   jobs/report.sh quickstart --format md,latex,csv
#   jobs/report.sh quickstart --claims        # only statements: its own and all of conf/claims
#   jobs/report.sh first second /elsewhere/output/third        # one report, in output/_reports
#
# Options: --output DIR, --format text,md,latex,html,csv, --task TASK, --within SIZE,
# --claims [FILE].
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
LIGHT=1
submit report "$@"
