// SPDX-License-Identifier: Apache-2.0
//
// kv_bench DIR [THREADS [RECORDS [VALUE_BYTES]]]: what the embedded store costs without a
// filesystem and FUSE above it: durable puts, transactions of the shape of a file's creation,
// reads, scans, deletes. The store is made in DIR/kv-bench and removed afterwards.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

#include "kvnode/base/clock.h"
#include "kvnode/base/random.h"
#include "kvnode/client/embedded.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/lanes.h"

namespace metaring {
namespace {

using client::Embedded;
using client::Kv;
using ctl::Lane;

constexpr const char* kKeyspace = "bench";
constexpr size_t kScanPage = 128;

struct Settings {
  std::string directory;
  unsigned threads = 8;
  uint64_t records = 5000;  // for each thread
  size_t value_bytes = 250;
};

// "/<thread>/<n>": the records of a thread stand together, as the entries of a directory do.
Bytes KeyOf(unsigned thread, uint64_t n) {
  return fmt::format("/{}/{:010}", thread, n);
}

// One phase: `op(n)` once for each record number, each timed.
using Phase = std::function<Status(unsigned thread, uint64_t n)>;

Status RunRecords(const Settings& settings, Lane& lane, const Phase& op, bool random_order) {
  Random random(lane.index() + 1);
  for (uint64_t i = 0; i < settings.records && !lane.Stopping(); ++i) {
    const uint64_t n = random_order ? random.Below(settings.records) : i;
    const uint64_t begin = ctl::MonotonicNanosNow();
    RETURN_IF_ERROR(op(lane.index(), n));
    lane.Record(ctl::MonotonicNanosNow() - begin);
  }
  return {};
}

// One caller. Prints a line for each phase.
class KvBench {
 public:
  KvBench(const Settings& settings, Embedded& store, Kv& kv)
      : settings_(settings), store_(store), kv_(kv), value_(settings.value_bytes, 'v') {}

  Status RunAll() {
    fmt::print("{:<10} {:>9} {:>10} {:>9} {:>9} {:>10} {:>10}\n", "phase", "ops", "ops/s", "p50 us",
               "p99 us", "max us", "ops/sync");
    RETURN_IF_ERROR(Run("put", false, [this](unsigned t, uint64_t n) { return Put(t, n); }));
    RETURN_IF_ERROR(Run("transact", false, [this](unsigned t, uint64_t n) { return Make(t, n); }));
    RETURN_IF_ERROR(Run("get", true, [this](unsigned t, uint64_t n) { return Get(t, n); }));
    RETURN_IF_ERROR(Run("missing", true, [this](unsigned t, uint64_t n) { return Miss(t, n); }));
    RETURN_IF_ERROR(Run("scan 128", true, [this](unsigned t, uint64_t n) { return Scan(t, n); }));
    RETURN_IF_ERROR(store_.Flush());
    RETURN_IF_ERROR(Run("get lmdb", true, [this](unsigned t, uint64_t n) { return Get(t, n); }));
    return Run("delete", false, [this](unsigned t, uint64_t n) { return Delete(t, n); });
  }

 private:
  Status Run(const char* name, bool random_order, const Phase& op) {
    const uint64_t syncs_before = store_.stats().log.syncs;
    const auto body = [&](Lane& lane) { return RunRecords(settings_, lane, op, random_order); };
    const ctl::LanesResult result = ctl::RunLanes(settings_.threads, body, signals_, nullptr);
    if (result.error) return Fail(*result.error);
    if (result.stopped) return Fail(ErrorCode::kCancelled, "ended by a signal");
    const uint64_t syncs = store_.stats().log.syncs - syncs_before;
    const auto micros = [](uint64_t nanos) { return static_cast<double>(nanos) / 1e3; };
    const auto ops = static_cast<double>(result.latency.count());
    fmt::print("{:<10} {:>9} {:>10.0f} {:>9.1f} {:>9.1f} {:>10.1f} {:>10.1f}\n", name, ops,
               ops / result.seconds, micros(result.latency.Quantile(0.5)),
               micros(result.latency.Quantile(0.99)), micros(result.latency.max()),
               syncs == 0 ? 0 : ops / static_cast<double>(syncs));
    return {};
  }

  Status Put(unsigned thread, uint64_t n) {
    RETURN_IF_ERROR(kv_.Put(KeyOf(thread, n), value_));
    return {};
  }
  // As a file is made: its directory exists, its name does not; the entry, and two counters.
  Status Make(unsigned thread, uint64_t n) {
    using Kind = client::Op::Kind;
    const Bytes name = KeyOf(thread, n) + "-made";
    const Bytes directory = KeyOf(thread, 0);
    client::Transaction transaction;
    transaction.compares = {{.kind = client::Compare::Kind::kExists,
                             .key = directory,
                             .version = 0,
                             .value = {},
                             .end = {}},
                            {.kind = client::Compare::Kind::kAbsent,
                             .key = name,
                             .version = 0,
                             .value = {},
                             .end = {}}};
    client::Op entry;
    entry.key = name;
    entry.value = value_;
    client::Op time;
    time.kind = Kind::kMax;
    time.key = directory + "-time";
    time.delta = static_cast<int64_t>(n);
    client::Op count;
    count.kind = Kind::kAdd;
    count.key = directory + "-count";
    count.delta = 1;
    transaction.then_ops = {entry, time, count};
    ASSIGN_OR_RETURN(const auto reply, kv_.Transact(transaction));
    if (!reply.succeeded) return Fail(ErrorCode::kConflict, "transact: a compare failed");
    return {};
  }
  Status Get(unsigned thread, uint64_t n) {
    ASSIGN_OR_RETURN(const auto record, kv_.Get(KeyOf(thread, n)));
    if (!record) return Fail(ErrorCode::kNotFound, KeyOf(thread, n) + " is missing");
    return {};
  }
  Status Miss(unsigned thread, uint64_t n) {
    ASSIGN_OR_RETURN(const auto record, kv_.Get(KeyOf(thread, n) + "-none"));
    if (record) return Fail(ErrorCode::kCorrupt, "a key that was never put exists");
    return {};
  }
  Status Scan(unsigned thread, uint64_t n) {
    client::ScanRequest request;
    request.begin = KeyOf(thread, n);
    request.end = fmt::format("/{}0", thread);  // the byte after '/'
    request.limit = kScanPage;
    RETURN_IF_ERROR(kv_.Scan(request));
    return {};
  }
  Status Delete(unsigned thread, uint64_t n) {
    RETURN_IF_ERROR(kv_.Delete(KeyOf(thread, n)));
    return {};
  }

  const Settings& settings_;
  Embedded& store_;
  Kv& kv_;
  const Bytes value_;
  ctl::SignalWatch signals_;
};

Status RunOn(const Settings& settings, const std::string& directory) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto store, client::OpenEmbedded(directory, {}, clock));
  RETURN_IF_ERROR(store->Create(kKeyspace, {}));
  ASSIGN_OR_RETURN(const auto kv, store->Open(kKeyspace));
  return KvBench(settings, *store, *kv).RunAll();
}

uint64_t NumberOr(uint64_t fallback, int argc, char** argv, int index) {
  return argc > index ? std::strtoull(argv[index], nullptr, 10) : fallback;
}

int Main(int argc, char** argv) {
  Settings settings;
  if (argc >= 2) settings.directory = argv[1];
  settings.threads = static_cast<unsigned>(NumberOr(settings.threads, argc, argv, 2));
  settings.records = NumberOr(settings.records, argc, argv, 3);
  settings.value_bytes = NumberOr(settings.value_bytes, argc, argv, 4);
  if (argc < 2 || argc > 5 || settings.threads == 0 || settings.records == 0) {
    fmt::print(stderr, "Usage: kv_bench DIR [THREADS [RECORDS [VALUE_BYTES]]]\n");
    return ctl::kExitUsage;
  }
  const std::string directory = settings.directory + "/kv-bench";
  std::error_code ignored;
  if (std::filesystem::exists(directory, ignored)) {
    fmt::print(stderr, "kv_bench: {} is there already\n", directory);
    return ctl::kExitFailure;
  }
  const Status status = RunOn(settings, directory);
  std::filesystem::remove_all(directory, ignored);
  if (status) return ctl::kExitOk;
  fmt::print(stderr, "kv_bench: {}\n", status.error().message);
  return ctl::kExitFailure;
}

}  // namespace
}  // namespace metaring

int main(int argc, char** argv) {
  return metaring::Main(argc, argv);
}
