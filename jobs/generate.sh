#!/usr/bin/env bash
# Lets the model of a finished trial go on with texts and prints what it writes, a prompt after the
# other. Where the trial learned from conversations, a prompt is what a user says to it.
#
#   jobs/query.sh "SELECT id, title, score FROM trials ORDER BY score DESC LIMIT 3"   # which one?
#   jobs/generate.sh 1b2e7c9ed0a4 --prompt "Which colour has the sky?"
#   jobs/generate.sh 1b2e7c9ed0a4 --file prompts.txt --temperature 0.7 --top-p 0.9 --seed 3
#   jobs/generate.sh 1b2e7c9ed0a4 --proxy-for models/large --prompt "Which colour has the sky?"
#   jobs/generate.sh 1b2e7c9ed0a4 --proxy-for models/large --score 100
#
# Options: --prompt TEXT (any number), --file FILE (a prompt a line), --max-new-tokens N,
# --temperature T, --top-p P, --seed N, --output DIR (of the sweeps' tables); --proxy-for MODEL (a large
# model writes, tuned by proxy), --proxy-scale S, --proxy-weights fp32|bf16|int8|nf4, --score N (rows of
# the reported sets, 0 for all: how the large model does by proxy and alone).
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
LIGHT=1
submit generate "$@"
