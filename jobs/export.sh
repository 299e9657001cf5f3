#!/usr/bin/env bash
# Writes a finished trial's model for Hugging Face: DIR/adapter for PEFT, where PEFT knows the
# method, and DIR/merged, a plain model; each with tokenizer and model card. DIR/base is the base
# model where Python could not read it in its place. Some seconds.
#
#   jobs/query.sh "SELECT id, title, score FROM trials ORDER BY score DESC LIMIT 3"   # which one?
#   jobs/export.sh 1b2e7c9ed0a4 output/export/best
#   jobs/export.sh 1b2e7c9ed0a4 output/export/best --format merged --output hdfs:///peft
#
# Options: --format peft|merged|both, --output DIR (of the sweeps' tables). What is exported is the
# model after the last step.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
LIGHT=1
submit export "$@"
