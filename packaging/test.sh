#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test.sh: installs the packages, builds and tests everything; what CI runs. Each part goes on when
# another has failed, so that one run tells all. The last part is the release build with every test:
# the script ends with the summary of that ctest, and its exit status is that of all parts.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: packaging/test.sh [PART...]

Parts, in the order in which they run; without any, all but soak:
  clang    clang's thread-safety analysis; no code is generated
  tidy     clang-tidy over what the clang part compiles, where it is not known to be clean
  asan     unit and simulation tests under AddressSanitizer and UBSan; each fuzz target, 10 s
  tsan     unit and simulation tests under ThreadSanitizer
  soak     the long crash loops on real mounts (about 20 minutes), two minutes of each fuzz target
  release  all other tests: unit, simulation, real mounts, benchmarks' own tests, lint
USAGE
}

wanted=()
for argument in "$@"; do
  case $argument in
    -h | --help) usage; exit 0 ;;
    clang | tidy | asan | tsan | soak | release) wanted+=("$argument") ;;
    *) usage >&2; exit 2 ;;
  esac
done
((${#wanted[@]} > 0)) || wanted=(clang tidy asan tsan release)

cd "$(dirname -- "$0")/.."
readonly JOBS=${METARING_JOBS:-$(nproc)}
failed=()

heading() { printf '\n== %s (%s)\n' "$*" "$(date -u +%H:%M:%S)"; }

build() {  # PRESET [TARGET...]
  local preset=$1
  shift
  cmake --preset "$preset" -Wno-dev >/dev/null &&
    cmake --build --preset "$preset" -j "$JOBS" ${1:+--target "$@"}
}

# The test programs of some labels: by metaring_test, each is a target of its test's name.
test_targets() {  # PRESET LABELS
  ctest --preset "$1" -L "$2" -N | sed -n 's/^ *Test *#[0-9]*: *//p'
}

run_sanitizer() {  # PRESET
  local targets
  cmake --preset "$1" -Wno-dev >/dev/null || return 1
  mapfile -t targets < <(test_targets "$1" '^(unit|sim|fuzz)$')
  build "$1" "${targets[@]}" && ctest --preset "$1" -j "$JOBS" -L '^(unit|sim|fuzz)$'
}

run_part() {
  case $1 in
    clang) build clang ;;
    # The generated headers are all that it needs of the build.
    tidy)
      build clang metaring_records metaring_wire metaring_wire_node metaring_echo &&
        python3 tests/lint/tidy.py -j "$JOBS" build/clang
      ;;
    asan | tsan) run_sanitizer "$1" ;;
    soak)
      build release && build asan fuzz_targets &&
        ctest --preset soak && ctest --preset fuzz-soak -j 2
      ;;
    release) build release && ctest --preset release -j "$JOBS" ;;
  esac
}

packaging/deps.sh
for part in clang tidy asan tsan soak release; do
  [[ " ${wanted[*]} " == *" $part "* ]] || continue
  heading "$part"
  run_part "$part" || failed+=("$part")
done
if ((${#failed[@]} > 0)); then
  echo "test.sh: failed: ${failed[*]}" >&2
  exit 1
fi
