// SPDX-License-Identifier: Apache-2.0
//
// The LMDB form when the process ends, or the disk fails, at its first write, its second, and so on
// until a run passes without meeting the fault. Each run is a process of its own; what it leaves is
// compared with the model.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <new>

#include "tests/unit/store/faulty_disk.h"
#include "tests/unit/store/model.h"

namespace metaring::store {
namespace {

constexpr uint64_t kCommits = 40;
constexpr uint64_t kCommitsPerFlush = 8;
constexpr int kExitFatal = 70;  // of FatalExit
constexpr int kExitGaveUp = 3;

StoreOptions Options() {
  StoreOptions options;
  options.overlay_bytes_max = 16 << 10;  // some flushes come by size, between the explicit ones
  options.overlay_age_max_nanos = INT64_MAX / 2;
  options.map_bytes = 256 << 20;
  options.reserve_bytes = 1 << 20;
  return options;
}

// The writes of commit `index`, the same in every process.
void ForEachWrite(uint64_t index, const std::function<void(bool, ByteView, ByteView)>& write) {
  Random random(index);
  for (uint64_t writes = 1 + random.Below(6); writes > 0; --writes) {
    const Bytes key = HardKey(random);
    const bool deleted = random.OneIn(4);
    write(deleted, key, deleted ? Bytes() : AnyValue(random, random.OneIn(15) ? 30'000 : 500));
  }
}

Model ModelAt(uint64_t index) {
  Model model;
  for (uint64_t i = 1; i <= index; ++i) {
    ForEachWrite(i, [&](bool deleted, ByteView key, ByteView value) {
      if (deleted) {
        model.erase(Bytes(key));
      } else {
        model[Bytes(key)] = value;
      }
    });
  }
  return model;
}

// Memory that a child shares with the test.
class Progress {
 public:
  Progress()
      : memory_(::mmap(nullptr, sizeof(std::atomic<uint64_t>), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        flushed_(new (memory_) std::atomic<uint64_t>(0)) {}
  ~Progress() { ::munmap(memory_, sizeof(std::atomic<uint64_t>)); }
  std::atomic<uint64_t>& flushed() { return *flushed_; }

 private:
  void* const memory_;
  std::atomic<uint64_t>* const flushed_;
};

// Commits everything, flushing now and then; a flush for which there was no room is tried again.
int Work(const std::string& path, std::atomic<uint64_t>& flushed) {
  auto store = OpenLmdbStore(path, Options());
  if (!store) return kExitGaveUp;
  for (uint64_t index = (*store)->applied() + 1; index <= kCommits; ++index) {
    auto txn = (*store)->Begin();
    if (!txn) return kExitGaveUp;
    ForEachWrite(index, [&](bool deleted, ByteView key, ByteView value) {
      deleted ? (*txn)->Delete(key) : (*txn)->Put(key, value);
    });
    (*txn)->Commit(index);
    if (index % kCommitsPerFlush != 0) continue;
    Status status = (*store)->Flush();
    if (!status && status.error().code == ErrorCode::kNoSpace) status = (*store)->Flush();
    if (!status) return kExitGaveUp;
    flushed = (*store)->flushed();
  }
  return 0;
}

// Runs Work in a process where the `nth` call meets the fault; gives the exit status.
int RunWithFault(const std::string& path, Progress& progress, const std::function<void()>& arm) {
  const pid_t child = ::fork();
  if (child == 0) {
    arm();
    const int status = Work(path, progress.flushed());
    EndNow(status == 0 && FaultMet() ? kFaultExitStatus : status);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  return WEXITSTATUS(status);
}

void ExpectModel(const std::string& path, uint64_t flushed_at_least) {
  const auto store = OpenAt(path, Options());
  ASSERT_EQ(store->applied(), store->flushed());
  ASSERT_GE(store->applied(), flushed_at_least);
  const Model model = ModelAt(store->applied());
  ASSERT_EQ(Scan(*ViewOf(*store)), model);
  ASSERT_EQ(store->usage().keys_flushed, model.size());
}

// Runs with the fault at the first call, the second, ... until one passes without it. `expected`
// are the exit statuses of a run that met it.
void ForEachCall(Fault fault, int error_number, bool syncs_only, const std::vector<int>& expected) {
  uint64_t met = 0;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    TemporaryDirectory directory;
    Progress progress;
    const int status = RunWithFault(directory.path(), progress,
                                    [&] { ArmFault(fault, nth, error_number, syncs_only); });
    ASSERT_NO_FATAL_FAILURE(ExpectModel(directory.path(), progress.flushed()));
    if (status == 0) break;
    ++met;
    ASSERT_NE(std::find(expected.begin(), expected.end(), status), expected.end()) << status;
  }
  EXPECT_GE(met, kCommits / kCommitsPerFlush);
}

TEST(StoreCrash, AtAnyWriteOrSyncTheStateIsThatOfTheLastFlush) {
  ForEachCall(Fault::kExit, 0, false, {kFaultExitStatus});
}

TEST(StoreCrash, AndAgainAtAnyWriteOfTheNextRunsOnTheSameDirectory) {
  TemporaryDirectory directory;
  Progress progress;
  for (uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    const int status =
        RunWithFault(directory.path(), progress, [&] { ArmFault(Fault::kExit, nth); });
    ASSERT_NO_FATAL_FAILURE(ExpectModel(directory.path(), progress.flushed()));
    if (status == 0) break;
  }
}

TEST(StoreFault, AFailedSyncEndsTheProcessAndLosesNothing) {
  // The first two syncs make the file; a store that cannot be made is refused.
  ForEachCall(Fault::kFail, EIO, true, {kExitFatal, kExitGaveUp});
}

TEST(StoreFault, AFailedWriteEndsTheProcessAndLosesNothing) {
  ForEachCall(Fault::kFail, EIO, false, {kExitFatal, kExitGaveUp});
}

// The write of LMDB's own page of roots has its place from the start; should it be refused all the
// same, the environment is not to be trusted and the process ends.
TEST(StoreFault, AFullDiskIsTriedAgainAndLosesNothing) {
  ForEachCall(Fault::kFail, ENOSPC, false, {kFaultExitStatus, kExitFatal, kExitGaveUp});
}

}  // namespace
}  // namespace metaring::store
