// SPDX-License-Identifier: Apache-2.0
//
// log_bench DIR [THREADS [RECORDS [PAYLOAD_BYTES]]]: what Append and Sync of the log cost on a
// directory, and what they cost beside the disk (DIR "none": a disk that does nothing).
//
// Each thread appends a record and syncs it, RECORDS times. The log is made in DIR/log-bench and
// removed afterwards.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "kvnode/base/clock.h"
#include "kvnode/log/log.h"
#include "tests/sim/sim_disk.h"

namespace metaring {
namespace {

struct Settings {
  std::string directory;
  uint64_t threads = 1;
  uint64_t records = 10'000;
  uint64_t payload_bytes = 300;
};

// Keeps what a log needs to open, and drops what is written to it afterwards.
class NullFile : public File {
 public:
  explicit NullFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<Bytes> ReadAt(uint64_t offset, size_t length) const override {
    return file_->ReadAt(offset, length);
  }
  Status WriteAt(uint64_t, ByteView) override { return {}; }
  Status Sync() override { return {}; }
  Status Allocate(uint64_t size) override { return file_->Allocate(size); }
  Result<uint64_t> Size() const override { return file_->Size(); }

 private:
  const std::unique_ptr<File> file_;
};

class NullDisk : public sim::SimDisk {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& name) override {
    ASSIGN_OR_RETURN(auto file, sim::SimDisk::Open(name));
    return std::make_unique<NullFile>(std::move(file));
  }
};

int64_t CpuMicros() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& t) { return t.tv_sec * int64_t{1'000'000} + t.tv_usec; };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

Status WriteRecords(log::Log& log, const Settings& settings, std::vector<int64_t>& nanos) {
  const SystemClock clock;
  const Bytes payload(settings.payload_bytes, 'x');
  nanos.reserve(settings.records);
  for (uint64_t n = 0; n < settings.records; ++n) {
    const int64_t start = clock.MonotonicNanos();
    ASSIGN_OR_RETURN(const log::Lsn end,
                     log.Append(log::GroupId(1), 1, payload, log::SpaceUse::kNormal));
    RETURN_IF_ERROR(log.Sync(end));
    if (n % 4096 == 0) RETURN_IF_ERROR(log.TruncateBefore(end));
    nanos.push_back(clock.MonotonicNanos() - start);
  }
  return {};
}

Status Run(Disk& disk, const Settings& settings) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto log, log::OpenLog(disk, {}));
  std::vector<std::vector<int64_t>> nanos(settings.threads);
  std::vector<Status> outcomes(settings.threads);
  std::vector<std::thread> threads;
  const int64_t cpu = CpuMicros();
  const int64_t start = clock.MonotonicNanos();
  for (uint64_t i = 0; i < settings.threads; ++i) {
    threads.emplace_back([&, i] { outcomes[i] = WriteRecords(*log, settings, nanos[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = static_cast<double>(clock.MonotonicNanos() - start) / 1e9;
  const auto cpu_used = static_cast<double>(CpuMicros() - cpu);
  for (const Status& outcome : outcomes) RETURN_IF_ERROR(outcome);
  std::vector<int64_t> all;
  for (const auto& some : nanos) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  const auto count = static_cast<double>(all.size());
  const log::LogStats stats = log->stats();
  fmt::print(
      "{} threads: {:.0f} records/s, {:.0f} syncs/s, {:.2f} records a sync, p50 {:.1f} us, "
      "p99 {:.1f} us, {:.2f} us of CPU a record\n",
      settings.threads, count / seconds, static_cast<double>(stats.syncs) / seconds,
      count / static_cast<double>(stats.syncs), static_cast<double>(all[all.size() / 2]) / 1e3,
      static_cast<double>(all[all.size() * 99 / 100]) / 1e3, cpu_used / count);
  return {};
}

Status RunOn(const Settings& settings) {
  if (settings.directory == "none") {
    NullDisk disk;
    return Run(disk, settings);
  }
  const std::string directory = settings.directory + "/log-bench";
  Status outcome;
  {
    ASSIGN_OR_RETURN(const auto disk, OpenPosixDisk(directory));
    outcome = Run(*disk, settings);
  }
  std::filesystem::remove_all(directory);
  return outcome;
}

}  // namespace
}  // namespace metaring

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: log_bench DIR|none [THREADS [RECORDS [PAYLOAD_BYTES]]]\n");
    return 2;
  }
  metaring::Settings settings;
  settings.directory = argv[1];
  uint64_t* const numbers[] = {&settings.threads, &settings.records, &settings.payload_bytes};
  for (int i = 2; i < std::min(argc, 5); ++i) {
    *numbers[i - 2] = std::max(1ULL, std::strtoull(argv[i], nullptr, 10));
  }
  const metaring::Status outcome = metaring::RunOn(settings);
  if (outcome) return 0;
  fmt::print(stderr, "log_bench: {}\n", outcome.error().message);
  return 1;
}
