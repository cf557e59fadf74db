// SPDX-License-Identifier: Apache-2.0
//
// ops_bench DIR [FILES [THREADS]]: what the filesystem's operations cost without FUSE: each is
// called as the mount calls it, each thread in a directory of its own. With DIR on tmpfs a sync
// costs nothing, so what is left is the processor's work; under callgrind it counts instructions.
// The store is made in DIR/ops-bench and removed afterwards.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "fusefs/ops/ops.h"
#include "kvnode/base/clock.h"
#include "kvnode/client/embedded.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/lanes.h"

namespace metaring::fusefs {
namespace {

using ctl::Lane;

constexpr const char* kKeyspace = "bench";
constexpr uint64_t kPageEntries = 128;

struct Settings {
  std::string directory;
  uint64_t files = 20000;  // for each thread
  unsigned threads = 1;
};

std::string NameOf(uint64_t n) {
  return fmt::format("file-{}", n);
}

// One caller. Prints a line for each phase.
class OpsBench {
 public:
  OpsBench(const Settings& settings, const Context& ctx) : settings_(settings), ctx_(ctx) {}

  Status RunAll() {
    RETURN_IF_ERROR(MakeDirectories());
    fmt::print("{:<10} {:>9} {:>10} {:>9} {:>9}\n", "phase", "ops", "ops/s", "p50 us", "p99 us");
    RETURN_IF_ERROR(Run("make", [this](Ino dir, uint64_t n) { return MakeOne(dir, n); }));
    RETURN_IF_ERROR(Run("lookup", [this](Ino dir, uint64_t n) { return Find(dir, n); }));
    RETURN_IF_ERROR(Run("get_attr", [this](Ino dir, uint64_t) { return Stat(dir); }));
    RETURN_IF_ERROR(Run("read_dir", [this](Ino dir, uint64_t n) { return List(dir, n); }));
    RETURN_IF_ERROR(Run("set_attr", [this](Ino dir, uint64_t n) { return Chmod(dir, n); }));
    return Run("unlink", [this](Ino dir, uint64_t n) { return Remove(dir, n); });
  }

 private:
  using Operation = std::function<Status(Ino directory, uint64_t n)>;

  Status MakeDirectories() {
    for (unsigned i = 0; i < settings_.threads; ++i) {
      MakeRequest request;
      request.parent = kRootIno;
      request.name = fmt::format("thread-{}", i);
      request.mode = S_IFDIR | 0755;
      ASSIGN_OR_RETURN(const Node made, Make(ctx_, request));
      directories_.push_back(made.inode.ino);
      cookies_[made.inode.ino] = 0;
    }
    return {};
  }

  Status MakeOne(Ino directory, uint64_t n) {
    MakeRequest request;
    request.parent = directory;
    request.name = NameOf(n);
    request.mode = S_IFREG | 0644;
    RETURN_IF_ERROR(Make(ctx_, request));
    return {};
  }

  Status Find(Ino directory, uint64_t n) {
    RETURN_IF_ERROR(Lookup(ctx_, directory, NameOf(n)));
    return {};
  }

  Status Stat(Ino directory) {
    RETURN_IF_ERROR(GetAttr(ctx_, InodeRef{directory, Place{kRootIno, ""}, true}));
    return {};
  }

  // A page with attributes for each kPageEntries-th call: so a call stands for an entry.
  Status List(Ino directory, uint64_t n) {
    Cookie& after = cookies_.at(directory);
    if (n == 0) after = 0;
    if (n % kPageEntries != 0) return {};
    ReadDirRequest request;
    request.directory = directory;
    request.after = after;
    request.limit = kPageEntries;
    request.attributes = true;
    ASSIGN_OR_RETURN(const ReadDirReply page, ReadDir(ctx_, request));
    if (!page.entries.empty()) after = page.entries.back().cookie;
    return {};
  }

  Status Remove(Ino directory, uint64_t n) {
    UnlinkRequest request;
    request.parent = directory;
    request.name = NameOf(n);
    RETURN_IF_ERROR(Unlink(ctx_, request));
    return {};
  }

  Status Chmod(Ino directory, uint64_t n) {
    ASSIGN_OR_RETURN(const Node node, Lookup(ctx_, directory, NameOf(n)));
    SetAttrRequest request;
    request.ref = node.ref();
    request.mode = 0600;
    RETURN_IF_ERROR(SetAttr(ctx_, request));
    return {};
  }

  Status Run(const char* name, const Operation& operation) {
    const auto body = [&](Lane& lane) -> Status {
      for (uint64_t n = 0; n < settings_.files && !lane.Stopping(); ++n) {
        const uint64_t begin = ctl::MonotonicNanosNow();
        RETURN_IF_ERROR(operation(directories_[lane.index()], n));
        lane.Record(ctl::MonotonicNanosNow() - begin);
      }
      return {};
    };
    const ctl::LanesResult result = ctl::RunLanes(settings_.threads, body, signals_, nullptr);
    if (result.error) return Fail(*result.error);
    if (result.stopped) return Fail(ErrorCode::kCancelled, "ended by a signal");
    const auto& latency = result.latency;
    fmt::print("{:<10} {:>9} {:>10.0f} {:>9.1f} {:>9.1f}\n", name, latency.count(),
               static_cast<double>(latency.count()) / result.seconds,
               static_cast<double>(latency.Quantile(0.5)) / 1e3,
               static_cast<double>(latency.Quantile(0.99)) / 1e3);
    return {};
  }

  const Settings settings_;
  const Context& ctx_;
  std::vector<Ino> directories_;   // one for each thread
  std::map<Ino, Cookie> cookies_;  // how far each was listed
  ctl::SignalWatch signals_;
};

Status RunOn(const Settings& settings, const std::string& directory) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto store, client::OpenEmbedded(directory, {}, clock));
  RETURN_IF_ERROR(store->Create(kKeyspace, {}));
  ASSIGN_OR_RETURN(const auto kv, store->Open(kKeyspace));
  ASSIGN_OR_RETURN(const Volume volume, FormatVolume(*kv, {}, clock));
  InoAllocator inos(*kv);
  const Context ctx{*kv, volume, inos, clock};
  return OpsBench(settings, ctx).RunAll();
}

int Main(int argc, char** argv) {
  Settings settings;
  if (argc >= 2) settings.directory = argv[1];
  if (argc >= 3) settings.files = std::strtoull(argv[2], nullptr, 10);
  if (argc >= 4) settings.threads = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
  if (argc < 2 || argc > 4 || settings.threads == 0 || settings.files == 0) {
    fmt::print(stderr, "Usage: ops_bench DIR [FILES [THREADS]]\n");
    return ctl::kExitUsage;
  }
  const std::string directory = settings.directory + "/ops-bench";
  std::error_code ignored;
  if (std::filesystem::exists(directory, ignored)) {
    fmt::print(stderr, "ops_bench: {} is there already\n", directory);
    return ctl::kExitFailure;
  }
  const Status status = RunOn(settings, directory);
  std::filesystem::remove_all(directory, ignored);
  if (status) return ctl::kExitOk;
  fmt::print(stderr, "ops_bench: {}\n", status.error().message);
  return ctl::kExitFailure;
}

}  // namespace
}  // namespace metaring::fusefs

int main(int argc, char** argv) {
  return metaring::fusefs::Main(argc, argv);
}
