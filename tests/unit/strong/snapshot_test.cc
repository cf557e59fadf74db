// SPDX-License-Identifier: Apache-2.0
//
// Who was away: from the log as long as it has what is missed, else by a snapshot. And the log: it
// goes, whatever its groups do.
#include <gtest/gtest.h>

#include "kvnode/strong/snapshot_format.h"
#include "tests/unit/strong/cluster.h"

namespace metaring::strong {
namespace {

EngineOptions SmallLog() {
  EngineOptions options;
  options.log_keep_bytes = 200'000;
  options.install_bytes_max = 100'000;
  return options;
}

// So much that the log is truncated more than once.
void WriteMuch(Cluster& cluster, uint64_t leader, int count = 300) {
  for (int i = 0; i < count; ++i) {
    const auto put = cluster.Put(leader, "key" + std::to_string(i % 100),
                                 Bytes(20'000, static_cast<char>('a' + i % 26)));
    ASSERT_TRUE(put) << put.error().message;
    if (i % 50 == 0) {
      ASSERT_TRUE(cluster.node(leader).store().Flush());
    }
  }
  cluster.Run(1'000);
}

void ExpectEqualData(Cluster& cluster, uint64_t a, uint64_t b) {
  const auto left = SnapshotSource::Open(cluster.node(a).store(), kGroup);
  const auto right = SnapshotSource::Open(cluster.node(b).store(), kGroup);
  ASSERT_TRUE(left && right);
  EXPECT_EQ((*left)->head().index, (*right)->head().index);
  EXPECT_TRUE(*(*left)->Next(UINT64_MAX) == *(*right)->Next(UINT64_MAX));
}

TEST(Truncation, TheLogOfABusyGroupGoes) {
  Cluster cluster(1, SmallLog());
  cluster.Create({1});
  cluster.Leader();
  const log::Lsn before = cluster.node(1).log().begin();
  WriteMuch(cluster, 1, 2'000);
  EXPECT_GT(cluster.node(1).log().begin(), before);
  EXPECT_GT(cluster.engine(1).Look(kGroup)->log_base, raft::LogIndex(100));
  cluster.node(1).Crash();
  cluster.node(1).Start();
  ASSERT_EQ(cluster.node(1).fatal(), "");
  EXPECT_EQ(cluster.Leader(), 1u);
  EXPECT_EQ(cluster.Stored(1, "key99"), Bytes(20'000, static_cast<char>('a' + 1'999 % 26)));
}

TEST(Truncation, AGroupThatCannotCommitPinsNothing) {
  Cluster cluster(3, SmallLog());
  const GroupId stuck = GroupOf(ClassId(2), kSlot);
  cluster.Create({1, 2, 3}, stuck);
  const uint64_t leader = cluster.Leader(stuck);
  cluster.Create({leader});
  cluster.Run(1'000);
  // Entries of `stuck` wait for ever; its leader steps down, and keeps them.
  cluster.Isolate(leader);
  cluster.engine(leader).Propose(stuck, PutCommand("stuck", "1"), log::SpaceUse::kNormal,
                                 [](const auto&) {});
  cluster.Run(100);
  const raft::LogIndex last = cluster.engine(leader).Look(stuck)->last_index;
  const log::Lsn before = cluster.node(leader).log().begin();
  WriteMuch(cluster, leader, 2'000);
  ASSERT_GT(cluster.node(leader).log().begin(), before);
  EXPECT_GT(cluster.engine(leader).counters().records_rewritten, 0u);
  cluster.node(leader).Crash();
  cluster.node(leader).Start();
  ASSERT_EQ(cluster.node(leader).fatal(), "");
  EXPECT_EQ(cluster.engine(leader).Look(stuck)->last_index, last);
}

TEST(CatchUp, FromTheLogWhenItHasWhatWasMissed) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  const uint64_t away = leader % 3 + 1;
  cluster.Run(1'000);
  cluster.Isolate(away);
  WriteMuch(cluster, leader, 100);
  cluster.Isolate(away, false);
  cluster.Run(3'000);
  ExpectEqualData(cluster, leader, away);
  EXPECT_EQ(cluster.engine(away).counters().snapshots_installed, 0u);
}

TEST(CatchUp, ReadsBackWhatIsNoLongerInMemory) {
  EngineOptions options;
  options.payload_bytes_max = 100'000;
  Cluster cluster(3, options);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  const uint64_t away = leader % 3 + 1;
  cluster.Run(1'000);
  cluster.Isolate(away);
  WriteMuch(cluster, leader, 100);
  cluster.Isolate(away, false);
  cluster.Run(5'000);
  ExpectEqualData(cluster, leader, away);
  EXPECT_GT(cluster.engine(leader).counters().entries_read_back, 50u);
}

class SnapshotTest : public testing::TestWithParam<uint64_t> {};

TEST_P(SnapshotTest, BringsBackWhoMissedMoreThanTheLogHas) {
  EngineOptions options = SmallLog();
  options.install_bytes_max = GetParam();
  Cluster cluster(3, options);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  const uint64_t away = leader % 3 + 1;
  ASSERT_TRUE(cluster.Put(leader, "gone later", "x"));
  cluster.Run(1'000);
  cluster.Isolate(away);
  WriteMuch(cluster, leader, 2'000);
  cluster.Isolate(away, false);
  cluster.Run(10'000);
  EXPECT_GE(cluster.engine(away).counters().snapshots_installed, 1u);
  ExpectEqualData(cluster, leader, away);
  ASSERT_TRUE(cluster.Put(leader, "after", "x"));
  cluster.Run(1'000);
  ExpectEqualData(cluster, leader, away);
  // The spool is empty again, and what was installed is there after a crash.
  EXPECT_TRUE(cluster.node(away).spool().List()->empty());
  EXPECT_TRUE(cluster.node(leader).spool().List()->empty());
  cluster.node(away).Crash();
  cluster.node(away).Start();
  ASSERT_EQ(cluster.node(away).fatal(), "");
  cluster.Run(3'000);
  ExpectEqualData(cluster, leader, away);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SnapshotTest, testing::Values(4 << 20, 100'000),
                         [](const auto& size) {
                           return size.param > 1'000'000 ? "InOneTxn" : "InSeveralTxns";
                         });

TEST(Snapshot, ACrashInTheMiddleOfItLeavesAnEmptyReplicaThatComesBack) {
  Cluster cluster(3, SmallLog());
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  const uint64_t away = leader % 3 + 1;
  cluster.Run(1'000);
  cluster.Isolate(away);
  WriteMuch(cluster, leader, 2'000);
  cluster.Isolate(away, false);
  ASSERT_TRUE(cluster.StepUntil([&] {
    const auto view = cluster.node(away).store().NewView();
    return (*ReadGroupRecord(**view, kGroup))->state == GroupState::kErasing;
  }));
  const ReadTicket stale{kGroup, ReadMode::kStale, {}};
  const ReadTable& table = cluster.engine(away).reads();
  EXPECT_EQ(table.Judge(stale, table.Applied(kGroup)), raft::ReadVerdict::kBehind);
  cluster.node(away).Crash();
  cluster.node(away).Start();
  ASSERT_EQ(cluster.node(away).fatal(), "");
  const auto status = cluster.engine(away).Look(kGroup);
  EXPECT_TRUE(status->damaged);
  EXPECT_EQ(status->applied_index, raft::LogIndex(0));
  EXPECT_EQ(cluster.Stored(away, "key1"), std::nullopt);
  cluster.Run(10'000);
  EXPECT_FALSE(cluster.engine(away).Look(kGroup)->damaged);
  ExpectEqualData(cluster, leader, away);
}

TEST(Snapshot, OneThatWasBentOnTheWayIsDiscarded) {
  Cluster cluster(3, SmallLog());
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  const uint64_t away = leader % 3 + 1;
  ASSERT_TRUE(cluster.Put(leader, "old", "state"));
  cluster.Run(1'000);
  cluster.Isolate(away);
  WriteMuch(cluster, leader, 2'000);
  bool bend = true;
  cluster.filter = [&](NodeId, NodeId, PeerMessage& message) {
    for (SnapshotChunk& chunk : message.chunks) {
      Bytes data = *chunk.data;
      if (bend && data.size() > 100) data[data.size() - 50] ^= 1;
      chunk.data = std::make_shared<const Bytes>(std::move(data));
    }
    return true;
  };
  cluster.Isolate(away, false);
  ASSERT_TRUE(
      cluster.RunUntil([&] { return cluster.engine(away).counters().snapshots_refused > 1; }));
  EXPECT_EQ(cluster.Stored(away, "old"), "state");
  EXPECT_EQ(cluster.engine(away).counters().snapshots_installed, 0u);
  bend = false;
  cluster.Run(10'000);
  ExpectEqualData(cluster, leader, away);
}

}  // namespace
}  // namespace metaring::strong
