#!/usr/bin/env bash
# A Slurm cluster of one node on loopback, for tests: cluster.sh start|stop FOLDER. As root, on Debian.
# Everything lies in FOLDER; clients find it by SLURM_CONF=FOLDER/slurm.conf.
set -euo pipefail
folder=$(realpath -m "$2")

start() {
  if ! command -v slurmctld munged srun >/dev/null; then
    # Their services are not wanted, only the programs.
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1 \
      || { echo "slurm-wlm and munge could not be installed" >&2; exit 77; }
  fi
  mkdir -p "$folder"/{state,spool}
  head -c 1024 /dev/urandom >"$folder/munge.key" && chmod 400 "$folder/munge.key"
  munged --force --socket="$folder/munge.socket" --key-file="$folder/munge.key" --seed-file="$folder/munge.seed" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" 2>/dev/null
  local host=$(hostname -s)
  cat >"$folder/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A job that is queued again waits for its old credential to expire: two minutes otherwise.
AuthInfo=socket=$folder/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobRequeue=1
ReturnToService=2
SlurmdParameters=config_overrides
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=$((2 * $(nproc))) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF=$folder/slurm.conf
  slurmctld
  slurmd
  for _ in $(seq 60); do
    [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && exit 0
    sleep 1
  done
  tail -n 20 "$folder"/slurm*.log >&2
  exit 1
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

stop() {
  export SLURM_CONF=$folder/slurm.conf
  scancel --user="$(id -un)" 2>/dev/null || true
  for program in slurmd slurmctld munged; do
    if [ -f "$folder/$program.pid" ]; then kill "$(cat "$folder/$program.pid")" || true; fi
  done
}

"$1"
