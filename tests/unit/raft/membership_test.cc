// SPDX-License-Identifier: Apache-2.0
//
// Membership: the dissertation's chapter 4 with single-server changes, learners, and pitfall 12;
// the in-sync set of WriteAck::kAllInSync.
#include <gtest/gtest.h>

#include "tests/unit/raft/cluster.h"
#include "tests/unit/raft/packets.h"

namespace metaring::raft {
namespace {

Member Voter(uint64_t node, bool in_sync = true) {
  return {NodeId(node), MemberRole::kVoter, in_sync};
}
Member Learner(uint64_t node) {
  return {NodeId(node), MemberRole::kLearner};
}

// Nodes 1 to 4, of which 4 is in no configuration yet.
struct Growing {
  Growing() : cluster(4, Cluster::VotersTo(3)) { EXPECT_EQ(cluster.Elect(), 1u); }
  bool Change(std::vector<Member> members) {
    const bool taken = cluster.at(1).ProposeConfiguration(Configuration(std::move(members)));
    cluster.Settle();
    return taken;
  }
  Cluster cluster;
};

TEST(RaftMembership, ALearnerGetsTheLogAndCountsForNothing) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  ASSERT_TRUE(growing.Change({Voter(1), Voter(2), Voter(3), Learner(4)}));
  ASSERT_TRUE(cluster.Put(1, 5));
  for (int i = 0; i < 3; ++i) cluster.Tick();
  EXPECT_EQ(cluster.at(4).applied().values, (std::vector<uint64_t>{5}));
  EXPECT_FALSE(cluster.at(4).core().NeedsTick());
  cluster.Isolate(2);
  cluster.Isolate(3);
  cluster.Put(1, 6);
  EXPECT_EQ(cluster.at(1).applied().values, (std::vector<uint64_t>{5}))
      << "1 and 4 are no majority";
}

TEST(RaftMembership, AConfigurationIsInForceWhenItIsAppended) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  ASSERT_TRUE(growing.Change({Voter(1), Voter(2), Voter(3), Learner(4)}));
  cluster.Isolate(2);
  cluster.Isolate(3);
  ASSERT_TRUE(growing.Change({Voter(1), Voter(2), Voter(3), Voter(4)}));
  EXPECT_EQ(cluster.at(1).core().configuration().majority(), 3u);
  EXPECT_EQ(cluster.at(4).core().configuration().majority(), 3u);
}

TEST(RaftMembership, OneChangeAtATime) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  cluster.Isolate(1);
  EXPECT_TRUE(growing.Change({Voter(1), Voter(2)}));
  EXPECT_FALSE(growing.Change({Voter(1), Voter(2), Learner(4)})) << "the first is not committed";
}

TEST(RaftMembership, NoChangeBeforeTheOwnTermEntryIsCommitted) {
  // A leader whose first entry stays on its way.
  Cluster young(3);
  Replica& leader = young.at(1);
  for (int i = 0; i < 100 && leader.core().role() == Role::kFollower; ++i) leader.core().Tick();
  leader.Receive(From(2, 1, 1, VoteReply{.pre_vote = true, .granted = true}));
  leader.WriteAll();
  leader.Receive(From(2, 1, 1, VoteReply{.granted = true}));
  leader.WriteAll();
  ASSERT_EQ(leader.core().role(), Role::kLeader);
  EXPECT_FALSE(leader.ProposeConfiguration(Configuration({Voter(1), Voter(2)})));
  leader.Receive(From(2, 1, 1, AppendReply{.match = LogIndex(1)}));
  EXPECT_TRUE(leader.ProposeConfiguration(Configuration({Voter(1), Voter(2)})));
}

TEST(RaftMembership, ALearnerThatLagsIsNotPromoted) {
  ReplicaSettings settings = Cluster::VotersTo(3);
  settings.options.promote_lag_max = 10;
  Cluster cluster(4, settings);
  ASSERT_EQ(cluster.Elect(), 1u);
  cluster.Isolate(4);
  ASSERT_TRUE(cluster.at(1).ProposeConfiguration(
      Configuration({Voter(1), Voter(2), Voter(3), Learner(4)})));
  for (uint64_t value = 1; value <= 20; ++value) ASSERT_TRUE(cluster.Put(1, value));
  const Configuration four({Voter(1), Voter(2), Voter(3), Voter(4)});
  EXPECT_FALSE(cluster.at(1).ProposeConfiguration(four));
  cluster.Heal();
  for (int i = 0; i < 10; ++i) cluster.Tick();
  EXPECT_TRUE(cluster.at(1).ProposeConfiguration(four));
}

TEST(RaftMembership, GrowsFromOneToThree) {
  Cluster cluster(3, Cluster::VotersTo(1));
  ASSERT_EQ(cluster.Elect(), 1u);
  ASSERT_TRUE(cluster.Put(1, 5));
  for (const auto& members : std::vector<std::vector<Member>>{{Voter(1), Learner(2), Learner(3)},
                                                              {Voter(1), Voter(2), Learner(3)},
                                                              {Voter(1), Voter(2), Voter(3)}}) {
    ASSERT_TRUE(cluster.at(1).ProposeConfiguration(Configuration(members)));
    for (int i = 0; i < 5; ++i) cluster.Tick();
  }
  cluster.at(1).Crash();
  const uint64_t next = cluster.Elect();
  ASSERT_NE(next, 0u);
  EXPECT_EQ(cluster.at(next).applied().values, (std::vector<uint64_t>{5}));
}

TEST(RaftMembership, ARemovedLeaderCommitsItsRemovalAndStepsDown) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  ASSERT_TRUE(growing.Change({Voter(2), Voter(3)}));
  EXPECT_NE(cluster.at(1).core().role(), Role::kLeader);
  EXPECT_EQ(cluster.at(1).core().configuration(), Configuration({Voter(2), Voter(3)}));
  const uint64_t next = cluster.Leader();
  EXPECT_TRUE(next == 2 || next == 3) << "it handed over";
  ASSERT_TRUE(cluster.Put(next, 5));
  EXPECT_EQ(cluster.at(next).applied().values, (std::vector<uint64_t>{5}));
}

// "A server that is not part of its own latest configuration should still start new elections, as
// it might still be needed until the Cnew entry is committed" (dissertation 4.2.2): it has the
// longest log of all that can vote.
TEST(RaftMembership, ALeaderOnItsWayOutCampaignsUntilItsRemovalIsCommitted) {
  Cluster cluster(4);
  ASSERT_EQ(cluster.Elect(), 1u);
  cluster.Isolate(3);
  cluster.Isolate(4);
  const Configuration rest({Voter(2), Voter(3), Voter(4)});
  ASSERT_TRUE(cluster.at(1).ProposeConfiguration(rest));
  cluster.Settle();
  ASSERT_EQ(cluster.at(2).core().configuration(), rest);
  cluster.at(2).Crash();
  for (int i = 0; i < 40; ++i) cluster.Tick();
  ASSERT_EQ(cluster.Leader(), 0u) << "3 and 4 are no majority of four";
  cluster.Heal();
  for (int i = 0; i < 100; ++i) cluster.Tick();
  EXPECT_TRUE(cluster.Leader() == 3 || cluster.Leader() == 4);
  EXPECT_EQ(cluster.at(3).core().configuration(), rest);
  EXPECT_EQ(cluster.at(1).core().role(), Role::kFollower);
}

TEST(RaftMembership, ALeaderOnItsWayOutDoesNotCountItself) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  cluster.Isolate(3);
  ASSERT_TRUE(growing.Change({Voter(2), Voter(3)}));
  for (int i = 0; i < 4; ++i) cluster.Tick();
  EXPECT_EQ(cluster.at(2).core().commit_index(), LogIndex(1)) << "of 2 and 3 only one has it";
  EXPECT_EQ(cluster.at(1).core().Gate().LeaseEnd(cluster.at(1).host().received), 0);
}

// The removed leader's process lives on and its node keeps its promises going; the others must not
// wait for it, even if they heard nothing of its end.
TEST(RaftMembership, TheRestElectsThoughTheRemovedNodeLivesOn) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  for (int i = 0; i < 5; ++i) cluster.Tick();
  ASSERT_TRUE(cluster.at(1).ProposeConfiguration(Configuration({Voter(2), Voter(3)})));
  cluster.Collect();
  for (int hops = 0; hops < 20 && cluster.at(1).core().role() == Role::kLeader; ++hops) {
    for (const uint64_t node : {1, 2, 3}) cluster.at(node).WriteAll();
    cluster.Collect();
    if (cluster.network().empty()) break;
    const Packet packet = cluster.network().front();
    cluster.network().pop_front();
    cluster.Deliver(packet);
  }
  ASSERT_NE(cluster.at(1).core().role(), Role::kLeader);
  cluster.Collect();
  cluster.network().clear();
  for (int i = 0; i < 60; ++i) {
    cluster.Advance(kTickNs);
    cluster.Heartbeats();
    for (const uint64_t node : {2, 3}) {
      if (cluster.at(node).core().NeedsTick()) cluster.at(node).core().Tick();
    }
    cluster.Settle();
  }
  EXPECT_TRUE(cluster.Leader() == 2 || cluster.Leader() == 3);
}

TEST(RaftMembership, ARemovedNodeCannotDisturb) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  cluster.Isolate(3);
  ASSERT_TRUE(growing.Change({Voter(1), Voter(2)}));
  ASSERT_TRUE(cluster.Put(1, 5));
  const Term term = cluster.at(1).core().term();
  for (int i = 0; i < 30; ++i) cluster.Tick();
  cluster.Heal();
  for (int i = 0; i < 60; ++i) cluster.Tick();
  EXPECT_EQ(cluster.Leader(), 1u);
  EXPECT_EQ(cluster.at(1).core().term(), term);
}

TEST(RaftMembership, ARemovedNodeGetsNoVoteWhenTheLeaderIsGone) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  cluster.Isolate(3);
  ASSERT_TRUE(growing.Change({Voter(1), Voter(2)}));
  cluster.at(1).Crash();
  cluster.Heal();
  for (int i = 0; i < 100; ++i) cluster.Tick();
  EXPECT_EQ(cluster.Leader(), 0u) << "3 must not lead: it lacks the entry that removed it";
  cluster.at(1).Start(cluster.now_ns());
  EXPECT_NE(cluster.Elect(), 0u);
}

TEST(RaftMembership, AnUncommittedConfigurationIsTakenBackWithItsEntry) {
  Growing growing;
  Cluster& cluster = growing.cluster;
  cluster.Isolate(1);
  ASSERT_TRUE(growing.Change({Voter(1), Voter(2)}));
  EXPECT_EQ(cluster.at(1).core().configuration().voters(), 2u);
  ASSERT_EQ(cluster.ElectOther(1), 2u);
  cluster.Heal();
  for (int i = 0; i < 30; ++i) cluster.Tick();
  EXPECT_EQ(cluster.at(1).core().configuration().voters(), 3u);
}

struct InSync {
  InSync() : cluster(3, Settings()) { EXPECT_EQ(cluster.Elect(), 1u); }
  static ReplicaSettings Settings() {
    ReplicaSettings settings = Cluster::VotersTo(3);
    settings.write_ack = WriteAck::kAllInSync;
    return settings;
  }
  // Ticks, and proposes what the leader wants.
  void TickAndFollow(int ticks) {
    for (int i = 0; i < ticks; ++i) {
      cluster.Tick();
      for (auto& [node, replica] : cluster.replicas()) {
        if (!replica.up()) continue;
        if (const auto wanted = replica.TakeWanted()) replica.ProposeConfiguration(*wanted);
      }
    }
    cluster.Settle();
  }
  Cluster cluster;
};

TEST(RaftInSync, AnEntryIsCommittedWhenAllInSyncHaveIt) {
  InSync group;
  group.cluster.Isolate(3);
  group.cluster.Put(1, 5);
  EXPECT_TRUE(group.cluster.at(1).applied().values.empty());
  group.cluster.Heal();
  for (int i = 0; i < 10; ++i) group.cluster.Tick();
  EXPECT_EQ(group.cluster.at(1).applied().values.size(), 1u);
}

TEST(RaftInSync, ASilentVoterLeavesTheSetByAnEntryAndReturnsWhenItHasCaughtUp) {
  InSync group;
  Cluster& cluster = group.cluster;
  cluster.Isolate(3);
  cluster.Put(1, 5);
  group.TickAndFollow(60);
  EXPECT_EQ(cluster.at(1).applied().values.size(), 1u);
  EXPECT_EQ(cluster.at(2).core().configuration(),
            Configuration({Voter(1), Voter(2), Voter(3, false)}));
  cluster.Heal();
  group.TickAndFollow(60);
  EXPECT_EQ(cluster.at(3).core().configuration(), Configuration({Voter(1), Voter(2), Voter(3)}));
  EXPECT_EQ(cluster.at(3).applied().values.size(), 1u);
}

// Were the new set in force for entries before it, one could be acknowledged that a voter lacks
// which every later leader takes for in sync.
TEST(RaftInSync, ASmallerSetCountsOnlyForEntriesFromItsOwnOn) {
  InSync group;
  Replica& leader = group.cluster.at(1);
  const uint64_t term = leader.core().term().value();
  group.cluster.Isolate(1);
  leader.Propose(5);
  leader.ProposeConfiguration(Configuration({Voter(1), Voter(2), Voter(3, false)}));
  leader.Drain();
  leader.WriteAll();
  const LogIndex last = leader.core().log().last_index();
  leader.Receive(From(2, 1, term, AppendReply{.match = Previous(last)}));
  EXPECT_EQ(leader.core().commit_index(), LogIndex(1));
  leader.Receive(From(2, 1, term, AppendReply{.match = last}));
  EXPECT_EQ(leader.core().commit_index(), last);
}

TEST(RaftInSync, TheSetCanShrinkBeforeTheOwnTermEntryIsCommitted) {
  InSync group;
  Cluster& cluster = group.cluster;
  ASSERT_TRUE(cluster.Put(1, 5));
  cluster.at(1).Crash();
  for (int i = 0; i < 40; ++i) cluster.Tick();
  EXPECT_FALSE(cluster.at(2).core().Gate().open()) << "1 is in sync, and dead";
  group.TickAndFollow(40);
  EXPECT_TRUE(cluster.at(2).core().Gate().open());
  EXPECT_EQ(cluster.at(2).applied().values.size(), 1u);
}

}  // namespace
}  // namespace metaring::raft
