#!/usr/bin/env bash
# Replays search strategies and early-stopping rules over the recorded curves of a sweep that ran in
# full, and prints the work that each would have spent against the regret of what it would have
# found, over several orders of the recipes: the evidence to choose a rule by. Trains nothing; seconds.
#
#   jobs/simulate.sh search-grid
#   jobs/simulate.sh search-grid --rules asha --set stopping.eta=3 --set stopping.first-rung=0.1
#   jobs/simulate.sh search-grid --strategies tpe --rules none --trials 30 --noise search-seeds
#
# Options: --strategies random,sobol,tpe; --rules none,asha,hyperband,median,predict; --trials PERCENT of the
# recipes; --orders 20; --set KEY=VALUE of search or stopping; --noise SWEEP, of the same task and base with
# several seeds, for the noise floor; --output DIR.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
MASTER=local[1]
submit simulate "$@"
