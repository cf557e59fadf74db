// SPDX-License-Identifier: Apache-2.0
//
// Snapshots (Raft 7, pitfall 13) and the repair of damaged logs (pitfall 14).
#include <gtest/gtest.h>

#include "tests/unit/raft/cluster.h"
#include "tests/unit/raft/packets.h"

namespace metaring::raft {
namespace {

constexpr uint64_t kValues = 20;

// A leader that has compacted what node 3 lacks.
struct Compacted {
  Compacted() : cluster(3) {
    EXPECT_EQ(cluster.Elect(), 1u);
    cluster.Isolate(3);
    for (uint64_t value = 1; value <= kValues; ++value) EXPECT_TRUE(cluster.Put(1, value));
    cluster.at(1).Compact(2);
    cluster.at(2).Compact(2);
  }
  Cluster cluster;
};

TEST(RaftSnapshot, BringsAMemberThatLacksWhatTheLogNoLongerHas) {
  Compacted group;
  group.cluster.Heal();
  for (int i = 0; i < 10; ++i) group.cluster.Tick();
  EXPECT_EQ(group.cluster.at(3).applied().values.size(), kValues);
  EXPECT_GT(group.cluster.at(3).core().log().base(), LogIndex(0)) << "it came by snapshot";
  ASSERT_TRUE(group.cluster.Put(1, 99));
  group.cluster.Tick();
  EXPECT_EQ(group.cluster.at(3).applied().values.size(), kValues + 1);
}

TEST(RaftSnapshot, ALostSnapshotIsSentAgain) {
  Compacted group;
  Cluster& cluster = group.cluster;
  cluster.Heal();
  int lost = 0;
  for (int i = 0; i < 40; ++i) {
    cluster.Advance(kTickNs);
    cluster.Heartbeats();
    for (auto& [node, replica] : cluster.replicas()) replica.core().Tick();
    for (auto& [node, replica] : cluster.replicas()) replica.WriteAll();
    cluster.Collect();
    while (!cluster.network().empty()) {
      const Packet packet = cluster.network().front();
      cluster.network().pop_front();
      const bool lose = packet.snapshot && lost < 2;
      if (lose) ++lost;
      if (!lose) cluster.Deliver(packet);
      for (auto& [node, replica] : cluster.replicas()) replica.WriteAll();
      cluster.Collect();
    }
  }
  EXPECT_EQ(lost, 2);
  EXPECT_EQ(cluster.at(3).applied().values.size(), kValues);
}

TEST(RaftSnapshot, CarriesTheConfiguration) {
  Compacted group;
  Cluster& cluster = group.cluster;
  const Configuration two = Configuration::OfVoters({NodeId(1), NodeId(2)});
  const Configuration with_learner({{NodeId(1)}, {NodeId(2)}, {NodeId(3), MemberRole::kLearner}});
  ASSERT_TRUE(cluster.at(1).ProposeConfiguration(with_learner));
  cluster.Settle();
  cluster.at(1).Compact(0);
  cluster.Heal();
  for (int i = 0; i < 10; ++i) cluster.Tick();
  EXPECT_EQ(cluster.at(3).core().configuration(), with_learner);
  EXPECT_NE(with_learner, two);
}

InstallSnapshot SnapshotAt(uint64_t index, uint64_t term) {
  return {LogIndex(index), Term(term), Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)})};
}

TEST(RaftSnapshot, AnEntryThatTheLogHasKeepsWhatIsBehindIt) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1, 1, 1}));
  follower.WriteAll();
  follower.Receive(From(1, 2, 1, SnapshotAt(2, 1)));
  EXPECT_EQ(follower.core().log().last_index(), LogIndex(4));
  EXPECT_EQ(follower.core().commit_index(), LogIndex(2));
}

TEST(RaftSnapshot, AnOldOneChangesNothing) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1, 1}, 3));
  follower.WriteAll();
  follower.TakePackets();
  follower.Receive(From(1, 2, 1, SnapshotAt(2, 1)));
  EXPECT_EQ(follower.applied().index, LogIndex(3));
  const auto replies = Sent<AppendReply>(follower);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].match, LogIndex(3));
}

TEST(RaftSnapshot, ALogThatContradictsItIsReplaced) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1, 1, 1}));
  follower.WriteAll();
  Packet packet = From(3, 2, 2, SnapshotAt(3, 2));
  packet.snapshot = AppliedState{LogIndex(3), Term(2), {}, {7}};
  follower.Receive(packet);
  follower.WriteAll();
  EXPECT_EQ(follower.core().log().base(), LogIndex(3));
  EXPECT_TRUE(follower.core().log().Empty());
  EXPECT_EQ(follower.applied().values, (std::vector<uint64_t>{7}));
  EXPECT_EQ(follower.core().durable_index(), LogIndex(3));
}

// A leader that has no other follower than the one that installs must not lose its majority by it.
TEST(RaftSnapshot, WhoInstallsIsHandedItWhenItsTermIsDurableAndStillAnswersItsLeader) {
  const Host host{NodeId(2), {}, 0, SupportGiven({}, SupportEpoch(), 0), SupportReceived({})};
  Restored fresh;
  fresh.configuration.configuration = SnapshotAt(1, 1).configuration;
  Core core(host, kGroup, WriteAck::kMajority, fresh);
  EXPECT_EQ(core.Step(From(1, 2, 1, SnapshotAt(3, 1)).message).dropped, Dropped::kNo);
  Output first = core.TakeOutput();
  EXPECT_FALSE(first.install) << "a restart would find a state of a later term than its own";
  core.Persisted(first.persist->token);
  EXPECT_TRUE(core.TakeOutput().install);
  EXPECT_EQ(core.Step(AppendFrom(1, 2, 1, 0, 0, {1}).message).dropped, Dropped::kInstalling);
  const Output answer = core.TakeOutput();
  ASSERT_EQ(answer.messages.size(), 1u) << "else the leader takes it for dead";
  EXPECT_EQ(std::get<AppendReply>(answer.messages[0].body).match, LogIndex(0));
  for (int i = 0; i < 100; ++i) core.Tick();
  EXPECT_EQ(core.role(), Role::kFollower);
  core.SnapshotInstalled();
  EXPECT_EQ(core.commit_index(), LogIndex(3));
  EXPECT_EQ(core.Step(AppendFrom(1, 2, 1, 3, 1, {1}).message).dropped, Dropped::kNo);
}

TEST(RaftSnapshot, OneThatCouldNotBeInstalledChangesNothing) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1}, 1));
  follower.WriteAll();
  follower.Receive(From(1, 2, 1, SnapshotAt(9, 1)));  // whose bytes never came
  EXPECT_EQ(follower.core().log().last_index(), LogIndex(2));
  EXPECT_EQ(follower.Receive(AppendFrom(1, 2, 1, 2, 1, {1})), Dropped::kNo);
}

// Node 3 restarts and finds its log damaged from entry 5 on.
struct Damaged {
  Damaged() : cluster(3) {
    EXPECT_EQ(cluster.Elect(), 1u);
    for (uint64_t value = 1; value <= kValues; ++value) EXPECT_TRUE(cluster.Put(1, value));
    cluster.at(3).Crash();
    cluster.at(3).Damage(LogIndex(5));
    cluster.Advance(20 * kTickNs);
    cluster.at(3).Start(cluster.now_ns());
    cluster.Advance(20 * kTickNs);
  }
  Cluster cluster;
};

TEST(RaftRepair, ADamagedReplicaNeitherVotesNorCampaigns) {
  Damaged group;
  Replica& damaged = group.cluster.at(3);
  const uint64_t term = damaged.core().term().value();
  EXPECT_EQ(damaged.Receive(From(2, 3, term + 1, Ask(99, term))), Dropped::kDamaged);
  for (int i = 0; i < 100; ++i) damaged.core().Tick();
  EXPECT_EQ(damaged.core().role(), Role::kFollower);
}

TEST(RaftRepair, TheLeaderFetchesItBackAndThenItVotesAgain) {
  Damaged group;
  Cluster& cluster = group.cluster;
  EXPECT_TRUE(cluster.at(3).core().damaged());
  for (int i = 0; i < 20; ++i) cluster.Tick();
  EXPECT_FALSE(cluster.at(3).core().damaged());
  EXPECT_EQ(cluster.at(3).applied().values.size(), kValues);
  cluster.at(1).Crash();
  EXPECT_EQ(cluster.Elect(), 2u) << "with the vote of 3";
}

TEST(RaftRepair, ARestartAfterTheRepairIsNotTakenForADamage) {
  Damaged group;
  Cluster& cluster = group.cluster;
  for (int i = 0; i < 20; ++i) cluster.Tick();
  cluster.at(3).Crash();
  cluster.at(3).Start(cluster.now_ns());
  EXPECT_FALSE(cluster.at(3).core().damaged());
  ASSERT_TRUE(cluster.Put(1, 99));
  for (int i = 0; i < 10; ++i) cluster.Tick();
  EXPECT_EQ(cluster.at(3).applied().values.size(), kValues + 1);
}

TEST(RaftRepair, WhatTheDamagedReplicaAcknowledgedBeforeDoesNotCount) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  Replica& leader = cluster.at(1);
  const uint64_t term = leader.core().term().value();
  cluster.Isolate(1);
  leader.Propose(5);
  AppendReply reply;
  reply.damage = RepairId(1);
  reply.match = LogIndex(1);
  EXPECT_EQ(leader.Receive(From(3, 1, term, reply)), Dropped::kNo);
  EXPECT_EQ(leader.Receive(From(3, 1, term, AppendReply{.match = LogIndex(2)})), Dropped::kStale);
  leader.WriteAll();
  EXPECT_EQ(leader.core().commit_index(), LogIndex(1));
}

TEST(RaftRepair, IsNotDoneByALeaderThatHasCommittedNothingOfItsTerm) {
  Damaged group;
  Replica& damaged = group.cluster.at(3);
  const uint64_t term = damaged.core().term().value();
  Packet packet = AppendFrom(2, 3, term + 1, 4, term, {term, term}, 6);
  std::get<AppendRequest>(packet.message.body).repair = RepairId(1);
  EXPECT_EQ(damaged.Receive(packet), Dropped::kNo);
  damaged.WriteAll();
  EXPECT_TRUE(damaged.core().damaged());
  packet = AppendFrom(2, 3, term + 1, 6, term, {term + 1}, 7);
  damaged.Receive(packet);
  damaged.WriteAll();
  EXPECT_TRUE(damaged.core().damaged()) << "the leader does not know of the damage";
  packet = AppendFrom(2, 3, term + 1, 7, term + 1, {}, 7);
  std::get<AppendRequest>(packet.message.body).repair = RepairId(1);
  damaged.Receive(packet);
  EXPECT_FALSE(damaged.core().damaged());
}

TEST(RaftRepair, ALeaderThatFindsItsLogDamagedStepsDown) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  for (uint64_t value = 1; value <= kValues; ++value) ASSERT_TRUE(cluster.Put(1, value));
  cluster.at(1).core().LogDamaged(RepairId(1), LogIndex(5));
  cluster.at(1).Drain();
  EXPECT_EQ(cluster.at(1).core().role(), Role::kFollower);
  EXPECT_EQ(cluster.at(1).core().log().last_index(), LogIndex(4));
  EXPECT_EQ(Sent<LeadershipEnded>(cluster.at(1)).size(), 2u);
}

}  // namespace
}  // namespace metaring::raft
