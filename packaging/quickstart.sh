#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh: from a fresh Debian 12 machine to a mounted volume in one command. Installs the
# packages, builds, makes an embedded volume (one process, one directory, no servers) and leaves it
# mounted. Safe to run twice: a volume that is mounted already is left alone.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: packaging/quickstart.sh [--data DIR] MOUNTPOINT

Mounts an embedded volume at MOUNTPOINT, which is made if it does not exist.
  --data DIR   where the volume lives
               (default: ${XDG_DATA_HOME:-~/.local/share}/metaring/quickstart)
USAGE
}

fail() {
  echo "quickstart.sh: $*" >&2
  exit 1
}

data="${XDG_DATA_HOME:-$HOME/.local/share}/metaring/quickstart"
mountpoint=
while (($# > 0)); do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --data) (($# > 1)) || fail "--data wants a directory"; data=$2; shift ;;
    --data=*) data=${1#*=} ;;
    -*) usage >&2; fail "unknown option $1" ;;
    *) [[ -z $mountpoint ]] || fail "one mountpoint, please"; mountpoint=$1 ;;
  esac
  shift
done
if [[ -z $mountpoint ]]; then
  usage >&2
  exit 2
fi
data=$(realpath -m -- "$data")
mountpoint=$(realpath -m -- "$mountpoint")
root=$(realpath -- "$(dirname -- "$0")/..")

# The source of the topmost mount at the mountpoint, or nothing.
mounted_source() {
  findmnt --noheadings --first-only --output SOURCE --mountpoint "$mountpoint" 2>/dev/null || true
}

say_what_to_try() {
  cat <<SAY

The volume in $data is mounted at $mountpoint. Try:
  cp -a /etc $mountpoint/etc-copy; ls -l $mountpoint/etc-copy
  git init $mountpoint/project
  setfattr -n user.colour -v blue $mountpoint/project; getfattr -d $mountpoint/project
  df -h $mountpoint; df -i $mountpoint
Unmount with:
  fusermount3 -u $mountpoint
Mount again with this command, or with:
  $root/build/release/bin/fusefs embedded:$data $mountpoint
SAY
}

"$root/packaging/deps.sh"

source=$(mounted_source)
if [[ -n $source ]] && ! stat "$mountpoint" >/dev/null 2>&1; then
  # Its fusefs has died; what was acknowledged is in the data directory.
  echo "quickstart.sh: removing the dead mount at $mountpoint"
  fusermount3 -u -z "$mountpoint"
  source=$(mounted_source)
fi
if [[ $source == "embedded:$data" ]]; then
  echo "Already mounted."
  say_what_to_try
  exit 0
fi
[[ -z $source ]] || fail "$mountpoint has $source mounted on it"

cd "$root"
cmake --preset release -Wno-dev >/dev/null
cmake --build --preset release --target fusefs kvctl kvnode python_client
mkdir -p "$mountpoint" "$(dirname "$data")"
build/release/bin/fusefs "embedded:$data" "$mountpoint"
say_what_to_try
