#!/usr/bin/env bash
# Finds out whether the first GPU of this machine computes what its processor does, how fast beside
# PEFT, and which goals that reaches: kernels, reference cases, training and trials beside the
# processor's; times of steps, packs, a decoder of 8 billion weights, whole trials, a sweep of 60
# trials. What tells most comes first; what there is no time for is named. Needs no network, and from
# the bundle that jobs/gpu-bundle.sh makes no JDK either. PEFT takes part where PYTHON, else python3,
# imports torch, transformers and peft.
#
#   jobs/gpu-check.sh                   # at most 8 minutes
#   jobs/gpu-check.sh 3 figures.json
#   jobs/gpu-check.sh --least           # each part on shapes of no size, to see that it runs
#
# Prints a table; all figures go to gpu-check.json, or to the file that is named. CHECK_CLASSES: more
# of the class path, ahead of the rest.
# Exit status: 0 all agrees, 3 something does not, 2 no GPU, driver or CUDA to check with. Goals of
# speed that are missed are named and change nothing.
set -euo pipefail
home=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
if [[ ${1:-} == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  exit
fi
extent=all
if [[ ${1:-} == --least ]]; then
  extent=least
  shift
fi
minutes=${1:-8}
if [[ ! $minutes =~ ^[0-9]+([.][0-9]+)?$ ]]; then
  echo "Cannot check for $minutes minutes: give a number" >&2
  exit 2
fi
if [[ -d $home/runtime ]]; then
  java=$home/runtime/bin/java
  classes=$home/lib/*
  golden=$home/golden
else
  source "$home/jobs/common.sh"
  build
  java=$(java_command)
  classes=$JAR:$BUILT_SPARK/jars/*
  golden=$home/src/test/resources/golden
fi
python=${PYTHON:-python3}
# CUDA's libraries lie with its installer, or with Python's packages of them.
places=(/usr/local/cuda*/ /usr/local/nvidia/ /usr/lib/x86_64-linux-gnu/)
packages=$("$python" -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null || true)
found=$(find -L "${places[@]}" ${packages:+"$packages"} \( -name 'libcudart.so.13' -o \
  -name 'libnvrtc.so.13' -o -name 'libcublasLt.so.13' -o -name 'libcublas.so.13' -o \
  -name 'libcuda.so.1' \) -not -path '*/stubs/*' -printf '%h\n' 2>/dev/null | sort -u |
  paste -sd: || true)
export OMP_NUM_THREADS=1
unset OPENBLAS_CORETYPE
# PyTorch brings libraries of its own, which others in this variable would take the place of.
exec env LD_LIBRARY_PATH="$found${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
  PEERS_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" \
  "$java" --add-modules=jdk.incubator.vector -Dorg.bytedeco.javacpp.maxBytes=0 \
  -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -Dslf4j.internal.verbosity=ERROR "-Dgolden.dir=$golden" \
  -cp "${CHECK_CLASSES:+$CHECK_CLASSES:}$classes" org.peftsweep.cli.gpu.GpuCheck \
  "$minutes" "${2:-gpu-check.json}" "$home" "$python" "$extent"
