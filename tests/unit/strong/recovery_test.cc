// SPDX-License-Identifier: Apache-2.0
//
// What recovery makes of logs that it did not write itself.
#include "kvnode/strong/recovery.h"

#include <gtest/gtest.h>

#include "kvnode/base/check.h"
#include "tests/unit/strong/cluster.h"

namespace metaring::strong {
namespace {

using raft::LogIndex;
using raft::Term;

class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest() {
    Reopen();
    CreatedRecord created;
    created.configuration = raft::Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)});
    Add(RecordType::kCreated, EncodeCreated(created));
  }

  void Add(RecordType type, const Bytes& payload, GroupId group = kGroup) {
    end_ = *log_->Append(group, static_cast<uint8_t>(type), payload, log::SpaceUse::kNormal);
  }
  void Vote(uint64_t term) {
    Add(RecordType::kHardState, EncodeHardState({{Term(term), NodeId(2)}, LogIndex(0)}));
  }
  void Put(uint64_t index, uint64_t term, uint64_t commit) {
    const Bytes command = PutCommand("key" + std::to_string(index), std::to_string(term));
    Add(RecordType::kEntry,
        EncodeEntry({LogIndex(index), Term(term), LogIndex(commit), EntryKind::kCommand, command}));
  }
  void Reopen() {
    log_.reset();
    log::LogOptions options;
    options.payload_bytes_max = kLogPayloadBytesMax;
    log_ = std::move(*log::OpenLog(disk_, options));
  }
  Result<Recovered> Recovering() {
    CHECK(log_->Sync(end_));
    Reopen();
    return Recover(*log_, *store_);
  }
  RecoveredGroup Group() {
    auto recovered = Recovering();
    EXPECT_TRUE(recovered) << recovered.error().message;
    return recovered ? recovered->groups.at(kGroup) : RecoveredGroup();
  }

  sim::SimDisk disk_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::Store> store_ = store::NewMemoryStore();
  log::Lsn end_;
};

TEST_F(RecoveryTest, AppliesWhatIsKnownToBeCommittedAndKeepsTheRest) {
  Vote(2);
  Put(1, 1, 0);
  Put(2, 2, 1);
  Put(3, 2, 1);
  const RecoveredGroup group = Group();
  EXPECT_EQ(group.record.applied, LogIndex(1));
  EXPECT_EQ(group.last(), LogIndex(3));
  EXPECT_EQ(group.record.hard_state, (raft::HardState{Term(2), NodeId(2)}));
  EXPECT_FALSE(group.record.damaged);
  ASSERT_NE(group.entries.back().payload, nullptr);
  EXPECT_EQ(*group.entries.back().payload, PutCommand("key3", "2"));
}

TEST_F(RecoveryTest, AnEntryReplacesItsIndexAndAllBehindIt) {
  Vote(1);
  Put(1, 1, 0);
  Put(2, 1, 0);
  Put(3, 1, 0);
  Vote(2);
  Put(2, 2, 2);
  const RecoveredGroup group = Group();
  EXPECT_EQ(group.last(), LogIndex(2));
  EXPECT_EQ(group.record.applied_term, Term(2));
}

TEST_F(RecoveryTest, ATruncationCutsWithoutAReplacement) {
  Vote(1);
  Put(1, 1, 0);
  Put(2, 1, 0);
  Add(RecordType::kTruncated, EncodeTruncated(LogIndex(2)));
  EXPECT_EQ(Group().last(), LogIndex(1));
}

TEST_F(RecoveryTest, AppliesNothingTwice) {
  Vote(1);
  Put(1, 1, 0);
  Put(2, 1, 1);
  EXPECT_EQ(Group().record.applied, LogIndex(1));
  Put(3, 1, 2);
  const RecoveredGroup group = Group();
  EXPECT_EQ(group.record.applied, LogIndex(2));
  EXPECT_EQ(group.configuration.configuration.members().size(), 3u);
}

TEST_F(RecoveryTest, AnEntryThatDoesNotDecodeCostsTheVoteAndNotWhatIsCommitted) {
  Vote(1);
  Put(1, 1, 0);
  Put(2, 1, 1);
  Put(3, 1, 2);
  Add(RecordType::kEntry, "\xff");
  Put(5, 1, 4);
  const RecoveredGroup group = Group();
  EXPECT_TRUE(group.record.damaged);
  EXPECT_TRUE(group.damage_is_new);
  EXPECT_EQ(group.record.damage, raft::RepairId(1));
  EXPECT_EQ(group.record.applied, LogIndex(2));
  EXPECT_EQ(group.last(), LogIndex(2));
}

TEST_F(RecoveryTest, AGapCostsTheVote) {
  Vote(1);
  Put(1, 1, 0);
  Put(2, 1, 1);
  Put(5, 1, 4);
  const RecoveredGroup group = Group();
  EXPECT_TRUE(group.record.damaged);
  EXPECT_EQ(group.last(), LogIndex(1));
}

TEST_F(RecoveryTest, ARepairIsRemembered) {
  Vote(1);
  Put(1, 1, 0);
  Add(RecordType::kEntry, "\xff");
  Add(RecordType::kDamaged, EncodeDamaged({raft::RepairId(1), LogIndex(2)}));
  Put(2, 1, 1);
  EXPECT_TRUE(Group().record.damaged);
  Add(RecordType::kRepaired, EncodeRepaired(raft::RepairId(1)));
  const RecoveredGroup group = Group();
  EXPECT_FALSE(group.record.damaged);
  EXPECT_EQ(group.record.damage, raft::RepairId(1));
  EXPECT_EQ(group.last(), LogIndex(2));
}

TEST_F(RecoveryTest, AVoteThatDoesNotDecodeIsRefused) {
  Add(RecordType::kHardState, "\xff");
  EXPECT_EQ(Recovering().error().code, ErrorCode::kCorrupt);
}

TEST_F(RecoveryTest, RecordsOfAnUnknownGroupAreRefused) {
  Add(RecordType::kHardState, EncodeHardState({}), GroupId(99));
  EXPECT_EQ(Recovering().error().code, ErrorCode::kCorrupt);
}

TEST_F(RecoveryTest, ALogOfTheEmbeddedFormIsRefused) {
  Add(static_cast<RecordType>(1), "command");
  EXPECT_EQ(Recovering().error().code, ErrorCode::kFormatMismatch);
}

TEST(EngineRepair, ADamagedReplicaIsRepairedByItsLeader) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Put(leader, "key", std::to_string(i)));
  cluster.Run(1'000);
  const uint64_t hurt = leader % 3 + 1;
  const auto end = cluster.node(hurt).log().Append(kGroup, static_cast<uint8_t>(RecordType::kEntry),
                                                   "\xff", log::SpaceUse::kNormal);
  ASSERT_TRUE(cluster.node(hurt).log().Sync(*end));
  cluster.node(hurt).Crash();
  cluster.node(hurt).Start();
  EXPECT_TRUE(cluster.engine(hurt).Look(kGroup)->damaged);
  EXPECT_EQ(cluster.engine(hurt).counters().damages, 1u);
  ASSERT_TRUE(cluster.Put(leader, "key", "after"));
  EXPECT_TRUE(cluster.RunUntil([&] { return !cluster.engine(hurt).Look(kGroup)->damaged; }));
  cluster.Run(1'000);
  EXPECT_EQ(cluster.Stored(hurt, "key"), "after");
  cluster.node(hurt).Crash();
  cluster.node(hurt).Start();
  EXPECT_FALSE(cluster.engine(hurt).Look(kGroup)->damaged);
}

}  // namespace
}  // namespace metaring::strong
