#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh: installs the Debian 12 packages that building, testing and running Metaring needs.
# Says nothing and asks the network nothing when all are there. Needs root, or sudo.
set -euo pipefail

# What compiles and checks the sources.
readonly BUILD=(libboost-dev g++ make cmake ninja-build ccache lld pkg-config git python3
  clang libclang-rt-dev clang-tidy clang-format shellcheck)
# What is linked or generated.
readonly LIBRARIES=(libfuse3-dev liblmdb-dev libthrift-dev thrift-compiler libspdlog-dev libfmt-dev
  libcli11-dev nlohmann-json3-dev libxxhash-dev libzstd-dev libasio-dev libssl-dev libexpected-dev
  libacl1-dev libboost-context-dev libtoml11-dev libsystemd-dev libgtest-dev libbenchmark-dev)
# What the Python client runs on; the last two for volumes and for values that are compressed.
readonly PYTHON=(python3-thrift python3-xxhash python3-zstandard)
# What mounts need, and the programs that the tests run on them.
readonly RUN=(fuse3 mount util-linux e2fsprogs procps attr acl rsync tar sqlite3 lmdb-utils ed
  openssl vim-tiny man-db)

missing_packages() {
  local package
  for package in "${BUILD[@]}" "${LIBRARIES[@]}" "${PYTHON[@]}" "${RUN[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      echo "$package"
  done
}

mapfile -t missing < <(missing_packages)
if ((${#missing[@]} == 0)); then
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "deps.sh: needs root or sudo to install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" \
    </dev/null >>"$log" 2>&1
}

echo "deps.sh: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; }; then
  tail -n 40 "$log" >&2
  echo "deps.sh: apt-get failed" >&2
  exit 1
fi
