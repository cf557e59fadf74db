// SPDX-License-Identifier: Apache-2.0
//
// A random workload is stopped at each of its calls to the disk. Afterwards everything whose Sync
// returned is there, in order and whole; nothing is there that was not appended; and the log goes
// on.
#include <algorithm>

#include "kvnode/base/logging.h"
#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

using Call = sim::SimDisk::Call;

// Thousands of logs fail here on purpose; their messages are of no use.
class QuietLogging : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(InitLogging("/dev/null", LogLevel::kError)); }
};
const auto* const kQuietLogging = ::testing::AddGlobalTestEnvironment(new QuietLogging);

// What the log may hold after a crash: a prefix of `appended` that has all of `acknowledged`.
class Model {
 public:
  void Appended(Entry entry) { appended_.push_back(std::move(entry)); }
  void Synced(Lsn end) { durable_ = std::max(durable_, end); }
  void Truncated(Lsn keep_from) { kept_from_ = std::max(kept_from_, keep_from); }
  Lsn durable() const { return durable_; }
  Lsn RandomEnd(Random& random) const {
    return appended_.empty() ? Lsn(0) : appended_[random.Below(appended_.size())].end;
  }

  // Compares, and takes what survived as the new truth.
  void CheckAndAdopt(Log& log) {
    const std::vector<Entry> found = Replayed(log);
    ASSERT_LE(log.begin(), kept_from_);
    std::erase_if(appended_, [&](const Entry& entry) { return entry.begin < log.begin(); });
    ASSERT_LE(found.size(), appended_.size());
    for (size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], appended_[i]);
    if (found.size() < appended_.size()) {
      ASSERT_GE(appended_[found.size()].begin, durable_) << "an acknowledged record is lost";
    }
    appended_ = found;
    if (!appended_.empty()) durable_ = std::max(durable_, appended_.back().end);
    ASSERT_GE(log.durable(), durable_);
  }

 private:
  std::vector<Entry> appended_;
  Lsn durable_;    // of what was acknowledged
  Lsn kept_from_;  // of the furthest truncation
};

// Until the disk fails or it is done.
void Run(Log& log, Model& model, Random& random) {
  std::vector<Entry> queued;
  for (int step = 0; step < 60; ++step) {
    if (random.OneIn(8)) {
      const Lsn keep = std::min(model.RandomEnd(random), model.durable());
      model.Truncated(keep);
      if (!log.TruncateBefore(keep)) return;
    } else if (random.OneIn(3) && !queued.empty()) {
      const Lsn end = queued[random.Below(queued.size())].end;
      if (!log.Sync(end)) return;
      model.Synced(end);
      queued.clear();
    } else {
      // Mostly of few sizes, so that stale records lie where new ones end.
      const size_t size = random.OneIn(4) ? random.Below(20'001) : 100 * random.Below(3);
      const GroupId group(static_cast<uint32_t>(random.Next()));
      const auto type = static_cast<uint8_t>(random.Next());
      const Bytes payload(size, static_cast<char>(random.Next()));
      const auto end = log.Append(group, type, payload, SpaceUse::kNormal);
      if (!end) return;
      queued.push_back({Lsn(end->value() - RecordBytes(size)), *end, group, type, payload});
      model.Appended(queued.back());
    }
  }
}

// Opens what a crash left, perhaps crashing again while it does.
std::unique_ptr<Log> Recover(sim::SimDisk& disk, Random& random) {
  while (random.OneIn(2)) {
    disk.CutPowerAtCall(1 + random.Below(10));
    auto opened = OpenLog(disk, SmallOptions());
    if (!opened) {
      EXPECT_EQ(opened.error().code, ErrorCode::kIo) << opened.error().message;
    } else {
      disk.CutPowerAtCall(0);
      opened->reset();
    }
    disk.Crash(random);
  }
  return MustOpen(disk);
}

// Runs the workload of a seed with what `order` does to the disk, then crashes and checks, and goes
// on for another round. Returns whether the order had an effect.
bool RunWithFault(uint64_t seed, const std::function<void(sim::SimDisk&)>& order,
                  const std::function<bool(sim::SimDisk&)>& happened) {
  sim::SimDisk disk;
  Random random(seed);
  Model model;
  auto log = MustOpen(disk);
  order(disk);
  Run(*log, model, random);
  const bool effect = happened(disk);
  CutPower(log, disk, random);
  for (int life = 0; life < 2; ++life) {
    log = Recover(disk, random);
    if (log == nullptr) return false;
    model.CheckAndAdopt(*log);
    if (::testing::Test::HasFatalFailure()) return false;
    Run(*log, model, random);
    CutPower(log, disk, random);
  }
  return effect;
}

TEST(LogCrash, PowerMayFailAtEveryCall) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    for (uint64_t n = 1;; ++n) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << " call " << n);
      const bool cut = RunWithFault(
          seed, [n](sim::SimDisk& disk) { disk.CutPowerAtCall(n); },
          [](sim::SimDisk& disk) { return disk.power_is_cut(); });
      if (HasFatalFailure()) return;
      if (!cut) break;
      ASSERT_LT(n, 10'000u);
    }
  }
}

TEST(LogCrash, AnyCallMayFail) {
  for (const Call call : {Call::kWrite, Call::kSync, Call::kAllocate, Call::kCreate, Call::kRename,
                          Call::kRemove, Call::kSyncDirectory}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      for (uint64_t n = 1;; ++n) {
        SCOPED_TRACE(::testing::Message()
                     << "call kind " << static_cast<int>(call) << " seed " << seed << " n " << n);
        uint64_t before = 0;
        const bool failed = RunWithFault(
            seed,
            [&](sim::SimDisk& disk) {
              before = disk.calls(call);
              disk.FailNthCall(call, n, ErrorCode::kIo);
            },
            [&](sim::SimDisk& disk) { return disk.calls(call) >= before + n; });
        if (HasFatalFailure()) return;
        if (!failed) break;
        ASSERT_LT(n, 10'000u);
      }
    }
  }
}

TEST(LogCrash, FirstOpenMayFailAtEveryCall) {
  for (uint64_t n = 1;; ++n) {
    sim::SimDisk disk;
    Random random(n);
    disk.CutPowerAtCall(n);
    auto opened = OpenLog(disk, SmallOptions());
    const bool cut = disk.power_is_cut();
    if (opened) opened->reset();
    disk.Crash(random);
    auto log = MustOpen(disk);
    ASSERT_TRUE(log) << n;
    EXPECT_EQ(log->durable(), Lsn(0));
    MustWrite(*log, "works");
    if (!cut) break;
  }
}

// A process that is killed leaves its writes in the page cache: they are valid, and must be durable
// before anybody acts on them.
TEST(LogCrash, RecordsFoundByOpenAreDurable) {
  sim::SimDisk disk;
  Random random(3);
  auto log = MustOpen(disk);
  const Entry entry = MustAppend(*log, "written, not synced");
  disk.FailNthCall(Call::kSync, 1, ErrorCode::kIo);
  EXPECT_FALSE(log->Sync(entry.end));
  log.reset();
  const uint64_t syncs = disk.calls(Call::kSync);
  log = MustOpen(disk);
  EXPECT_EQ(Replayed(*log), std::vector<Entry>{entry});
  EXPECT_GT(disk.calls(Call::kSync), syncs);
}

}  // namespace
}  // namespace metaring::log
