#!/usr/bin/env bash
# Pretrains a small RoBERTa by masked-language modelling, tokenizer included, and writes a folder in
# Hugging Face layout. Minutes to hours, as the file says.
#
#   jobs/pretrain.sh conf/pretrain-mini.yaml
#   jobs/pretrain.sh conf/pretrain-glue.yaml --output output/models/mine --threads 2
#
# The same file gives the same folder, bit for bit, on one kind of processor with as many threads. A
# run that was stopped or killed goes on with the same command: its state lies beside the folder, in
# <folder>.pretraining, and is removed at the end, when the folder is written.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ $# -eq 0 || $1 == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit $(($# == 0 ? 2 : 0))
fi
submit pretrain "$@"
