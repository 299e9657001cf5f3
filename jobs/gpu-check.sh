#!/usr/bin/env bash
# Finds out whether the first GPU of this machine computes what its processor does, and how fast:
# every kernel, training of small models beside the processor's, times of steps. What tells most
# comes first; what there is no time for is named. Needs no network, and from the bundle that
# jobs/gpu-bundle.sh makes no JDK either.
#
#   jobs/gpu-check.sh                   # at most 8 minutes
#   jobs/gpu-check.sh 3 figures.json
#
# Prints a table; all figures go to gpu-check.json, or to the file that is named. CHECK_CLASSES: more
# of the class path, ahead of the rest.
# Exit status: 0 all agrees, 3 something does not, 2 no GPU, driver or CUDA to check with.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if [[ ${1:-} == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  exit
fi
minutes=${1:-8}
if [[ ! $minutes =~ ^[0-9]+([.][0-9]+)?$ ]]; then
  echo "Cannot check for $minutes minutes: give a number" >&2
  exit 2
fi
if [[ -d $here/runtime ]]; then
  java=$here/runtime/bin/java
  classes=$here/lib/*
else
  source "$here/common.sh"
  build
  java=$(java_command)
  classes=$JAR:$BUILT_SPARK/jars/*
fi
# CUDA's libraries lie with its installer, or with Python's packages of them.
places=(/usr/local/cuda*/ /usr/local/nvidia/ /usr/lib/x86_64-linux-gnu/)
python=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null || true)
found=$(find -L "${places[@]}" ${python:+"$python"} \( -name 'libcudart.so.13' -o \
  -name 'libnvrtc.so.13' -o -name 'libcublasLt.so.13' -o -name 'libcublas.so.13' -o \
  -name 'libcuda.so.1' \) -not -path '*/stubs/*' -printf '%h\n' 2>/dev/null | sort -u |
  paste -sd: || true)
export LD_LIBRARY_PATH=$found${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} OMP_NUM_THREADS=1
unset OPENBLAS_CORETYPE
exec "$java" --add-modules=jdk.incubator.vector -Dorg.bytedeco.javacpp.maxBytes=0 \
  -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -cp "${CHECK_CLASSES:+$CHECK_CLASSES:}$classes" \
  org.peftsweep.cli.GpuCheck "$minutes" "${2:-gpu-check.json}"
