// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_fs.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "kvnode/ctl/bench_fs_worker.h"
#include "kvnode/ctl/bench_tree.h"
#include "kvnode/ctl/lanes.h"

namespace metaring::ctl {
namespace {

// One caller. The state of one run, from the fresh tree to the last phase.
class FsBench {
 public:
  FsBench(const FsBenchOptions& options, const FsBenchWatcher& watcher, const BenchTree& tree,
          SignalWatch& signals)
      : options_(options), watcher_(watcher), tree_(tree), signals_(signals) {}

  // The phase's result, or nullopt when a signal stopped it.
  Result<std::optional<PhaseResult>> RunPhase(Phase phase);

 private:
  // Makes what the phase needs, untimed. False when a signal stopped it.
  Result<bool> Provide(Phase phase);
  LanesResult RunTimed(Phase phase, std::string_view what);
  // Why user.* attributes cannot be set here; nullopt when they can.
  std::optional<std::string> XattrObstacle() const;

  const FsBenchOptions& options_;
  const FsBenchWatcher& watcher_;
  const BenchTree& tree_;
  SignalWatch& signals_;
  TreeState state_;
};

uint64_t TotalOf(const FsBenchOptions& options) {
  return uint64_t{options.threads} * options.files;
}

LanesResult FsBench::RunTimed(Phase phase, std::string_view what) {
  std::vector<std::unique_ptr<FsWorker>> workers;
  for (unsigned t = 0; t < options_.threads; ++t) {
    workers.push_back(std::make_unique<FsWorker>(options_, tree_, state_, t));
    if (Status prepared = workers.back()->Prepare(phase); !prepared) {
      LanesResult failed;
      failed.error = prepared.error();
      return failed;
    }
  }
  const auto body = [&](Lane& lane) { return workers[lane.index()]->Run(phase, lane); };
  const auto progress = [&](uint64_t done) {
    if (watcher_.on_progress) watcher_.on_progress(what, done, TotalOf(options_));
  };
  LanesResult result = RunLanes(options_.threads, body, signals_, progress);
  if (!result.error && !result.stopped) state_ = state_.After(phase);
  return result;
}

Result<bool> FsBench::Provide(Phase phase) {
  std::vector<Phase> missing;
  const bool needs_files = phase != Phase::kMkdir && phase != Phase::kCreate &&
                           phase != Phase::kRmdir && phase != Phase::kStatMissing;
  if (phase == Phase::kRmdir && !state_.dirs) missing.push_back(Phase::kMkdir);
  if (needs_files && !state_.files) missing.push_back(Phase::kCreate);
  if (phase == Phase::kGetxattr && !state_.xattrs) missing.push_back(Phase::kSetxattr);
  if (phase == Phase::kRead && !state_.content) missing.push_back(Phase::kWrite);
  if (phase == Phase::kStatHot) missing.push_back(Phase::kStatHot);
  for (const Phase need : missing) {
    const LanesResult made = RunTimed(need, "preparing");
    if (made.error) return Fail(*made.error);
    if (made.stopped) return false;
  }
  return true;
}

std::optional<std::string> FsBench::XattrObstacle() const {
  const std::string probe = tree_.root() + "/xattr-probe";
  const int fd = open(probe.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return std::nullopt;  // the phase itself will tell
  close(fd);
  const int failed = setxattr(probe.c_str(), "user.bench", "x", 1, 0) != 0 ? errno : 0;
  unlink(probe.c_str());
  if (failed != ENOTSUP && failed != ENOSYS && failed != EPERM) return std::nullopt;
  return "user.* attributes are not supported here";
}

Result<std::optional<PhaseResult>> FsBench::RunPhase(Phase phase) {
  const PhaseInfo& info = InfoOf(phase);
  PhaseResult result;
  result.phase = phase;
  if (info.xattr) {
    if (auto obstacle = XattrObstacle()) {
      result.skipped = true;
      result.note = std::move(*obstacle);
      return std::optional<PhaseResult>(std::move(result));
    }
  }
  ASSIGN_OR_RETURN(const bool provided, Provide(phase));
  if (!provided) return std::optional<PhaseResult>();
  if (info.cold) {
    result.cold = options_.drop_caches && DropKernelCaches(tree_.root());
    if (!result.cold) {
      result.note = options_.drop_caches ? "not cold: dropping the kernel's caches needs root"
                                         : "not cold: by --keep-caches";
    }
  }
  LanesResult lanes = RunTimed(phase, info.name);
  if (lanes.error) return Fail(*std::move(lanes.error));
  if (lanes.stopped) return std::optional<PhaseResult>();
  result.ops = lanes.latency.count();
  result.seconds = lanes.seconds;
  result.latency = lanes.latency;
  return std::optional<PhaseResult>(std::move(result));
}

}  // namespace

FsBenchReport RunFsBench(const FsBenchOptions& options, const FsBenchWatcher& watcher) {
  FsBenchReport report;
  SignalWatch signals;
  auto tree = BenchTree::Make(options.directory, options.threads, options.shared);
  if (!tree) {
    report.error = tree.error();
    return report;
  }
  report.work_directory = tree->root();
  report.filesystem = FilesystemType(tree->root());
  FsBench bench(options, watcher, *tree, signals);
  for (const Phase phase : options.phases) {
    auto result = bench.RunPhase(phase);
    if (!result) {
      report.error = result.error();
      break;
    }
    if (!*result) break;
    if (watcher.on_result) watcher.on_result(**result);
    report.results.push_back(*std::move(*result));
  }
  report.signal = signals.taken();
  if (options.keep) {
    tree->Keep();
    return report;
  }
  if (watcher.on_progress) watcher.on_progress("removing", 0, 0);
  if (const Status removed = tree->Remove(); !removed && !report.error) {
    report.error = removed.error();
  }
  return report;
}

}  // namespace metaring::ctl
