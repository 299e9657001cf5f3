#!/usr/bin/env bash
# Prints what lets bash and zsh complete options and values of these scripts. Builds first where needed.
#
#   source <(jobs/completion.sh)                                 # in this shell
#   jobs/completion.sh >~/.local/share/bash-completion/peft-sweep && echo 'source it in ~/.bashrc'
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ ${1:-} == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit
fi
build
LIGHT=1
submit completion
