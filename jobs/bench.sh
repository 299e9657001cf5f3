#!/usr/bin/env bash
# Times training steps of this engine beside libtorch and SameDiff, which do the same arithmetic, and
# writes all figures to output/bench. Wants a quiet machine. Minutes as it stands, hours with all.
#
#   jobs/bench.sh                                   # mini and d=256, LoRA, 2 threads
#   jobs/bench.sh --shapes roberta-base-32x128 --methods full,lora,dora --threads 1,2
#   jobs/bench.sh --shapes mini-32x64 --threads 1 --peers cpu-pair   # two trials side by side
#   jobs/bench.sh kernels [pattern]                 # each kernel beside the nd4j backend, some beside oneDNN (JMH)
#   jobs/bench.sh packs [rounds [mini-8x32|roberta-base-8x128]]   # packs beside the same trials one by one
#   jobs/bench.sh trials output/models/minilm output/data/glue [rounds [steps]]   # whole trials an hour, beside PEFT
#   jobs/bench.sh decoding output/models/llama [rounds]   # tokens a second beside what memory allows
#   jobs/bench.sh profile roberta-base-8x128 lora 2 5 [bf16]   # where a step's time goes, over 5 s
#   jobs/bench.sh --shapes roberta-base-8x128 --peers cpu-bf16,cpu-stored-bf16,cpu-int8-bf16,cpu-nf4-bf16   # quantised bases
#   jobs/bench.sh --check --shapes roberta-base-8x128,d256-32x64,mini-32x64   # exits 1 below a goal
#
# Options: --shapes mini-32x32,mini-32x64,d256-32x64,roberta-base-8x128,roberta-base-32x128,
# llama-8x128; --methods full,lora,dora; --threads 1,2; --peers cpu-bf16,cpu-stored-bf16,
# cpu-int8-bf16,cpu-nf4-bf16,libtorch,libtorch-pruned,
# samediff,nd4j,cpu-pair,peft,peft-bf16; --rounds 3; --seconds 3 (per contender and round); --warmup 10;
# --output output/bench. peft needs a Python with torch, transformers and peft: PYTHON, else python3.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
if [[ ${1:-} == --help ]]; then
  usage "${BASH_SOURCE[0]}"
  exit
fi
here=$PWD
cd "$ROOT"
# Products run on the engine's own threads.
export OMP_NUM_THREADS=1
# Some machines force kernels for older processors on all programs; here OpenBLAS chooses its own.
unset OPENBLAS_CORETYPE
stamp=target/bench/stamp
main=target/test-classes/org/peftsweep/bench/Bench.class
if [[ ! -f $stamp || ! -f $main || -n $(find pom.xml src -newer "$stamp" -print -quit) ]]; then
  echo "Building the bench" >&2
  mvn -q -B -Pbench process-test-classes >&2
  touch "$stamp"
fi
java=$(java_command)
classes=target/test-classes:target/classes:$(cat target/bench/class-path)
options="${JAVA_MODULES[*]} ${BENCH_OPTIONS:-}"
# JavaCPP would otherwise stop at the heap's size for memory that lies outside of it.
native=(-Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0)
run=("$java" "${JAVA_MODULES[@]}" "${native[@]}" "-Dbench.options=$options" "-Dbench.here=$here"
  -cp "$classes")
in_caller_folder() {
  (cd "$here" && realpath "$1")
}
case ${1:-} in
  kernels)
    shift
    mkdir -p output/bench
    exec "${run[@]}" org.openjdk.jmh.Main -rf json -rff output/bench/kernels.json \
      -jvmArgsAppend "${JAVA_MODULES[*]} ${native[*]}" "${@:-org.peftsweep.bench}"
    ;;
  profile)
    shift
    # shellcheck disable=SC2086 # Split at blanks on purpose.
    exec "${run[@]}" ${BENCH_OPTIONS:-} org.peftsweep.bench.Profile "$@"
    ;;
  trials)
    [[ $# -ge 3 ]] || fail "Cannot time trials: give the folder of a model and that of the GLUE files" 2
    exec "${run[@]}" org.peftsweep.bench.Trials "$(in_caller_folder "$2")" "$(in_caller_folder "$3")" \
      "${4:-3}" "${5:-60}"
    ;;
  decoding)
    [[ $# -ge 2 ]] || fail "Cannot time decoding: give the folder of a language model" 2
    exec "${run[@]}" org.peftsweep.bench.Decoding "$(in_caller_folder "$2")" "${3:-5}"
    ;;
  packs)
    shift
    exec "${run[@]}" org.peftsweep.bench.Packs "$@"
    ;;
  *) exec "${run[@]}" org.peftsweep.bench.Bench "$@" ;;
esac
