#!/usr/bin/env bash
# Writes a finished trial's model for Hugging Face: DIR/adapter for PEFT, where PEFT knows the
# method, and DIR/merged, a plain model; each with tokenizer and model card. DIR/base is the base
# model where Python could not read it in its place. Or for Deeplearning4j: DIR/samediff, a graph
# that SameDiff loads and trains on, or DIR/dl4j, a network. Some seconds.
#
#   jobs/query.sh "SELECT id, title, score FROM trials ORDER BY score DESC LIMIT 3"   # which one?
#   jobs/export.sh 1b2e7c9ed0a4 output/export/best
#   jobs/export.sh 1b2e7c9ed0a4 output/export/best --format merged --output hdfs:///peft
#   jobs/export.sh 1b2e7c9ed0a4 output/export/best --format samediff
#
# Options: --format peft|merged|both|samediff|dl4j, --merged (with samediff or dl4j, folds what was
# trained into the base), --output DIR (of the sweeps' tables). What is exported is the model after the last step.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
LIGHT=1
submit export "$@"
