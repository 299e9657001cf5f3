#!/usr/bin/env bash
# Starts and stops a real standalone Spark cluster on this machine: a master and two workers as
# processes of their own, on loopback. Seconds.
#
#   jobs/cluster.sh start --gpus 2      # with simulated GPU addresses 0 and 1, one a worker
#   MASTER=spark://127.0.0.1:7077 GPUS=1 jobs/quickstart.sh; jobs/cluster.sh stop
#
# Commands: start [--gpus N], which brings back processes that died; stop; status. A master that is
# killed and started again knows its workers and applications. Logs, process ids and work folders:
# target/cluster.
# Variables: MASTER_PORT (7077), MASTER_UI_PORT (8080), WORKER_CORES (1), WORKER_MEMORY (2g),
# CLUSTER_FOLDER (target/cluster).
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"

folder=$(realpath -m "${CLUSTER_FOLDER:-$ROOT/target/cluster}")
port=${MASTER_PORT:-7077}
ui_port=${MASTER_UI_PORT:-8080}
url=spark://127.0.0.1:$port
workers=2
processes=(master worker-1 worker-2)

# is_running <name>: whether the process of that name is alive, and ours.
is_running() {
  local pid
  pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 1
  [[ -r /proc/$pid/cmdline ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "deploy\.[mw]"
}

# launch <name> <class> <arguments>
launch() {
  local name=$1
  shift
  nohup "$(java_command)" "${JAVA_MODULES[@]}" -Xmx512m -cp "$SPARK_HOME/jars/*" "$@" \
    >"$folder/$name.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$folder/$name.pid"
  # On a busy machine the new process is this script's twin for a moment.
  until is_running "$name" || ! kill -0 "$pid" 2>/dev/null; do
    sleep 0.05
  done
}

# Tells how many workers the master knows; nothing while it does not answer.
alive_workers() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$ui_port"
    printf 'GET /json/ HTTP/1.0\r\n\r\n' >&3
    grep -o '"aliveworkers" *: *[0-9]*' <&3 | grep -o '[0-9]*$'
  ) 2>/dev/null || true
}

# discovery <worker> <gpus>: writes a script that names this worker's addresses.
discovery() {
  local addresses=()
  local address
  for ((address = $1 - 1; address < $2; address += workers)); do
    addresses+=("\"$address\"")
  done
  local list
  list=$(IFS=,; echo "${addresses[*]}")
  printf '#!/bin/sh\necho %s\n' "'{\"name\": \"gpu\", \"addresses\": [$list]}'" \
    >"$folder/gpus-$1.sh"
  chmod +x "$folder/gpus-$1.sh"
  if [[ ${#addresses[@]} -gt 0 ]]; then
    echo "spark.worker.resource.gpu.amount ${#addresses[@]}"
    echo "spark.worker.resource.gpu.discoveryScript $folder/gpus-$1.sh"
  fi
}

start() {
  local gpus=0
  if [[ ${1:-} == --gpus ]]; then
    gpus=${2:-}
    [[ $gpus =~ ^[0-9]+$ ]] || fail "Cannot use --gpus ${gpus:-nothing}: give a whole number" 2
  elif [[ $# -gt 0 ]]; then
    fail "Cannot use $1: start takes --gpus N" 2
  fi
  local name missing=() running=()
  for name in "${processes[@]}"; do
    if is_running "$name"; then
      running+=("$name")
    else
      missing+=("$name")
    fi
  done
  if [[ ${#missing[@]} == 0 ]]; then
    echo "The cluster runs at $url; stop it first for another one"
    return
  fi
  if [[ -n ${SPARK_HOME:-} ]]; then
    check_spark
  else
    build
    prepare_built_spark
  fi
  export SPARK_LOCAL_IP=127.0.0.1
  mkdir -p "$folder"
  if [[ ${#running[@]} == 0 ]]; then
    rm -rf "$folder/recovery"
  fi
  printf '%s\n' "spark.deploy.recoveryMode FILESYSTEM" \
    "spark.deploy.recoveryDirectory $folder/recovery" >"$folder/master.conf"
  local worker
  for name in "${missing[@]}"; do
    if [[ $name == master ]]; then
      launch master org.apache.spark.deploy.master.Master \
        --host 127.0.0.1 --port "$port" --webui-port "$ui_port" \
        --properties-file "$folder/master.conf"
    else
      worker=${name#worker-}
      discovery "$worker" "$gpus" >"$folder/worker-$worker.conf"
      launch "$name" org.apache.spark.deploy.worker.Worker \
        --host 127.0.0.1 --webui-port 0 --cores "${WORKER_CORES:-1}" \
        --memory "${WORKER_MEMORY:-2g}" --work-dir "$folder/work-$worker" \
        --properties-file "$folder/worker-$worker.conf" "$url"
    fi
  done
  for _ in {1..120}; do
    if [[ $(alive_workers) == "$workers" ]]; then
      echo "The cluster runs at $url with $workers workers and $gpus GPU addresses"
      return
    fi
    is_running master || break
    sleep 0.25
  done
  stop
  fail "Cannot start a cluster at $url: see $folder/*.log"
}

stop() {
  local name stopped=0
  for name in worker-1 worker-2 master; do
    if is_running "$name"; then
      kill "$(cat "$folder/$name.pid")"
      stopped=$((stopped + 1))
    fi
  done
  for name in worker-1 worker-2 master; do
    for _ in {1..40}; do
      is_running "$name" || break
      sleep 0.25
    done
    rm -f "$folder/$name.pid"
  done
  echo "Stopped $stopped processes"
}

status() {
  local name
  for name in master worker-1 worker-2; do
    if is_running "$name"; then
      echo "$name runs as process $(cat "$folder/$name.pid")"
    else
      echo "$name does not run"
    fi
  done
  is_running master && echo "$url has $(alive_workers) workers"
}

case ${1:-} in
  start | stop | status)
    command=$1
    shift
    "$command" "$@"
    ;;
  --help) usage "${BASH_SOURCE[0]}" ;;
  *)
    usage "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
