// SPDX-License-Identifier: Apache-2.0
//
// The metadata benchmark of any directory on any filesystem, by POSIX calls alone. It measures what
// a program sees: whole system calls by path, the kernel's caches included.
//
// What a phase needs and an earlier phase did not leave (its files, their content) is made first,
// untimed. Files are visited in a random order, new in each phase's thread and fixed by the seed.
#ifndef METARING_KVNODE_CTL_BENCH_FS_H_
#define METARING_KVNODE_CTL_BENCH_FS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kvnode/base/result.h"
#include "kvnode/ctl/bench_phases.h"
#include "kvnode/ctl/histogram.h"

namespace metaring::ctl {

struct FsBenchOptions {
  std::string directory;
  unsigned threads = 8;
  uint32_t files = 5000;  // for each thread; also the number of directories and of missing names
  bool shared = false;    // all threads in one directory
  std::vector<Phase> phases;
  uint64_t seed = 1;
  bool fsync = false;           // see the README: what makes each change durable is part of it
  uint32_t write_bytes = 4096;  // 0 to 1 MiB
  bool keep = false;            // leave the tree
  bool drop_caches = true;      // before cold phases, when permitted
};

struct PhaseResult {
  Phase phase{};
  uint64_t ops = 0;
  double seconds = 0;
  Histogram latency;     // of each operation, in ns
  bool cold = false;     // the kernel's caches were dropped just before
  std::string note;      // for the reader; empty: nothing to say
  bool skipped = false;  // `note` says why; no figures
};

struct FsBenchReport {
  std::string work_directory;  // removed by now, unless kept
  std::string filesystem;
  std::vector<PhaseResult> results;  // of the phases that ended
  std::optional<Error> error;        // what ended the run early
  std::optional<int> signal;         // which signal did
};

struct FsBenchWatcher {
  std::function<void(const PhaseResult&)> on_result;  // after each phase
  // While working; `what` is the phase's name, or "preparing", "removing".
  std::function<void(std::string_view what, uint64_t done, uint64_t total)> on_progress;
};

// Blocks until all is measured and removed. It watches for signals meanwhile (SignalWatch).
FsBenchReport RunFsBench(const FsBenchOptions& options, const FsBenchWatcher& watcher);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BENCH_FS_H_
