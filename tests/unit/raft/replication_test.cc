// SPDX-License-Identifier: Apache-2.0
//
// Replication and commitment: Raft 5.3, 5.4.2 and figure 8; acknowledgement only of what is on disk
// (pitfall 5); what the network may do to messages.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/raft/cluster.h"
#include "tests/unit/raft/packets.h"

namespace metaring::raft {
namespace {

AppendReply OnlyReply(Replica& replica) {
  const auto replies = Sent<AppendReply>(replica);
  EXPECT_EQ(replies.size(), 1u);
  return replies.empty() ? AppendReply() : replies.front();
}

TEST(RaftReplication, APutGoesByThisTrace) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  cluster.Tick();
  cluster.Tick();
  const std::string term = "t" + std::to_string(cluster.at(1).core().term().value());
  ASSERT_TRUE(cluster.at(1).Propose(5));
  std::string trace;
  cluster.Settle(&trace);
  EXPECT_EQ(trace, "1>2 " + term + " append (1," + term + ") 2..2 commit 1\n" +  //
                       "1>3 " + term + " append (1," + term + ") 2..2 commit 1\n" + "2>1 " + term +
                       " ack 2 support 1\n" +  //
                       "3>1 " + term + " ack 2 support 1\n");
  EXPECT_EQ(cluster.at(1).core().commit_index(), LogIndex(2));
  EXPECT_EQ(cluster.at(2).core().commit_index(), LogIndex(1)) << "it waits for a tick";
  cluster.Tick();
  EXPECT_EQ(cluster.at(2).core().commit_index(), LogIndex(2));
}

TEST(RaftReplication, TheLeaderSendsWhileItWrites) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  Replica& leader = cluster.at(1);
  leader.Propose(5);
  leader.Drain();
  EXPECT_EQ(leader.queued_writes(), 1u);
  EXPECT_EQ(Sent<AppendRequest>(leader).size(), 2u);
}

TEST(RaftReplication, AFollowerAcknowledgesOnlyWhatIsDurable) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1}));
  EXPECT_TRUE(Sent<AppendReply>(follower).empty());
  follower.WriteAll();
  EXPECT_EQ(OnlyReply(follower).match, LogIndex(2));
}

TEST(RaftReplication, TheLeaderCountsItselfOnlyWhenItsEntryIsDurable) {
  Cluster cluster(2);
  const uint64_t leader = cluster.Elect();
  ASSERT_EQ(leader, 1u);
  cluster.at(1).Propose(5);
  cluster.Collect();
  while (!cluster.network().empty()) {
    const Packet packet = cluster.network().front();
    cluster.network().pop_front();
    cluster.Deliver(packet);
    cluster.at(2).WriteAll();
    cluster.Collect();
  }
  EXPECT_EQ(cluster.at(1).core().commit_index(), LogIndex(1));
  cluster.at(1).WriteAll();
  EXPECT_EQ(cluster.at(1).core().commit_index(), LogIndex(2));
}

TEST(RaftReplication, ASoleVoterCommitsOnlyWhatIsDurable) {
  Cluster cluster(1);
  ASSERT_EQ(cluster.Elect(), 1u);
  cluster.at(1).Propose(5);
  cluster.at(1).Drain();
  EXPECT_EQ(cluster.at(1).core().commit_index(), LogIndex(1));
  cluster.at(1).WriteAll();
  EXPECT_EQ(cluster.at(1).core().commit_index(), LogIndex(2));
}

TEST(RaftReplication, NothingIsAppliedThatIsNotInTheOwnLog) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1}, 2));
  EXPECT_EQ(follower.core().commit_index(), LogIndex(2));
  EXPECT_EQ(follower.applied().index, LogIndex(0));
  follower.WriteAll();
  EXPECT_EQ(follower.applied().index, LogIndex(2));
}

TEST(RaftReplication, AnAppendThatDoesNotFitIsRejected) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 4, 1, {1}));
  follower.WriteAll();
  follower.Receive(AppendFrom(1, 2, 1, 4, 1, {1}));
  const auto replies = Sent<AppendReply>(follower);
  ASSERT_FALSE(replies.empty());
  EXPECT_TRUE(replies.back().rejected);
  EXPECT_EQ(replies.back().match, LogIndex(0));
  EXPECT_TRUE(follower.core().log().Empty());
}

TEST(RaftReplication, AConflictingEntryAndAllBehindItGo) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1, 1, 1}));
  follower.Receive(AppendFrom(3, 2, 2, 2, 1, {2}));
  follower.WriteAll();
  EXPECT_EQ(follower.core().log().last_index(), LogIndex(3));
  EXPECT_EQ(follower.core().log().last_term(), Term(2));
  EXPECT_EQ(follower.durable_entries().size(), 3u);
  EXPECT_EQ(follower.durable_entries().at(LogIndex(3)).term, Term(2));
}

TEST(RaftReplication, EntriesThatAreThereAreNotTruncatedByALateAppend) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1, 1, 1}));
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1}));
  EXPECT_EQ(follower.core().log().last_index(), LogIndex(4));
}

TEST(RaftReplication, TheCommitIndexPassesNoEntryThatTheLeaderDidNotConfirm) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1, 1}));
  follower.Receive(AppendFrom(3, 2, 2, 1, 1, {}, 3));
  EXPECT_EQ(follower.core().commit_index(), LogIndex(1)) << "2 and 3 may be others in term 2";
}

TEST(RaftReplication, ACommittedEntryIsNeverTruncated) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 1, 0, 0, {1, 1, 1}, 3));
  EXPECT_EQ(follower.Receive(AppendFrom(3, 2, 2, 0, 0, {2, 2, 2})), Dropped::kContradiction);
  EXPECT_EQ(follower.Receive(AppendFrom(3, 2, 2, 0, 0, {2, 2, 2, 2})), Dropped::kContradiction);
  EXPECT_EQ(follower.core().log().last_term(), Term(1));
}

TEST(RaftReplication, OneRejectionSkipsAWholeTermThatTheLeaderLacks) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  cluster.Isolate(1);
  for (uint64_t value = 1; value <= 50; ++value) cluster.Put(1, value);
  ASSERT_EQ(cluster.ElectOther(1), 2u);
  for (uint64_t value = 101; value <= 110; ++value) ASSERT_TRUE(cluster.Put(2, value));
  for (int i = 0; i < 30; ++i) cluster.Tick();
  cluster.Heal();
  for (int i = 0; i < 6; ++i) cluster.Tick();
  EXPECT_EQ(cluster.at(1).core().log(), cluster.at(2).core().log());
}

TEST(RaftReplication, TheHintIsTheLastIndexThatMayAgree) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 3, 0, 0, {1, 1, 1, 3, 3, 3, 3}));
  follower.WriteAll();
  follower.TakePackets();
  follower.Receive(AppendFrom(3, 2, 4, 6, 2, {4}));
  const AppendReply reply = OnlyReply(follower);
  EXPECT_TRUE(reply.rejected);
  EXPECT_EQ(reply.match, LogIndex(3)) << "entries of term 3 cannot be in a log with term 2 at 6";
  EXPECT_EQ(reply.hint_term, Term(1));
}

// Figure 8: an entry of a former term is on a majority, and may yet be overwritten. Only an entry
// of the leader's own term commits, and what is before it with it.
TEST(RaftCommit, OldTermEntryIsNotCommittedByCount) {
  Cluster cluster(3);
  for (const uint64_t node : {1, 3}) {
    cluster.at(node).Receive(AppendFrom(2, node, 1, 0, 0, {1, 1}));
    cluster.at(node).WriteAll();
    cluster.at(node).TakePackets();
  }
  Replica& leader = cluster.at(1);
  for (int i = 0; i < 100 && leader.core().role() == Role::kFollower; ++i) leader.core().Tick();
  leader.Receive(From(3, 1, 2, VoteReply{.pre_vote = true, .granted = true}));
  leader.WriteAll();
  leader.Receive(From(3, 1, 2, VoteReply{.granted = true}));
  leader.WriteAll();
  ASSERT_EQ(leader.core().role(), Role::kLeader);
  ASSERT_EQ(leader.core().log().last_index(), LogIndex(3));
  leader.Receive(From(2, 1, 2, AppendReply{.match = LogIndex(2)}));
  leader.Receive(From(3, 1, 2, AppendReply{.match = LogIndex(2)}));
  EXPECT_EQ(leader.core().commit_index(), LogIndex(0));
  leader.Receive(From(2, 1, 2, AppendReply{.match = LogIndex(3)}));
  EXPECT_EQ(leader.core().commit_index(), LogIndex(3));
}

TEST(RaftReplication, LostAppendsAreSentAgain) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  cluster.at(1).Propose(5);
  cluster.Collect();
  cluster.network().clear();
  for (int i = 0; i < 10; ++i) cluster.Tick();
  for (const uint64_t node : {1, 2, 3}) EXPECT_EQ(cluster.at(node).applied().values.size(), 1u);
}

TEST(RaftReplication, DoubledAndReversedMessagesAreHarmless) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  for (uint64_t value = 1; value <= 20; ++value) {
    cluster.at(1).Propose(value);
    cluster.Collect();
  }
  for (int round = 0; round < 50 && !cluster.network().empty(); ++round) {
    std::deque<Packet> all;
    all.swap(cluster.network());
    for (auto packet = all.rbegin(); packet != all.rend(); ++packet) {
      cluster.Deliver(*packet);
      cluster.Deliver(*packet);
    }
    for (const uint64_t node : {1, 2, 3}) cluster.at(node).WriteAll();
    cluster.Collect();
  }
  for (int i = 0; i < 20; ++i) cluster.Tick();
  for (const uint64_t node : {1, 2, 3}) EXPECT_EQ(cluster.at(node).applied().values.size(), 20u);
}

TEST(RaftReplication, AppendsFollowEachOtherWithoutWaiting) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  for (uint64_t value = 1; value <= 10; ++value) {
    cluster.at(1).Propose(value);
    cluster.at(1).Drain();
  }
  EXPECT_EQ(Sent<AppendRequest>(cluster.at(1)).size(), 20u);
}

TEST(RaftReplication, ProposalsOfOneRoundShareAnAppend) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  for (uint64_t value = 1; value <= 10; ++value) cluster.at(1).Propose(value);
  cluster.at(1).Drain();
  EXPECT_EQ(cluster.at(1).queued_writes(), 1u);
  EXPECT_EQ(Sent<AppendRequest>(cluster.at(1)).size(), 2u);
}

TEST(RaftReplication, UncommittedEntriesAreBounded) {
  ReplicaSettings settings = Cluster::VotersTo(3);
  settings.options.uncommitted_entries_max = 10;
  Cluster cluster(3, settings);
  ASSERT_EQ(cluster.Elect(), 1u);
  cluster.Isolate(1);
  uint64_t taken = 0;
  while (taken < 100 && cluster.at(1).Propose(1)) ++taken;
  EXPECT_EQ(taken, 10u);
}

TEST(RaftReplication, WhatAPeerCannotKnowIsDropped) {
  Cluster cluster(3);
  ASSERT_EQ(cluster.Elect(), 1u);
  Replica& leader = cluster.at(1);
  const uint64_t term = leader.core().term().value();
  EXPECT_EQ(leader.Receive(From(2, 1, term, AppendReply{.match = LogIndex(99)})), Dropped::kAbsurd);
  EXPECT_EQ(leader.Receive(From(2, 1, kTermMax + 1, AppendReply{})), Dropped::kAbsurd);
  EXPECT_EQ(leader.Receive(From(2, 1, term + kTermLeapMax + 1, AppendReply{})), Dropped::kAbsurd);
  EXPECT_EQ(leader.Receive(From(9, 1, term + 1, AppendReply{})), Dropped::kNotMember);
  EXPECT_EQ(leader.Receive(From(1, 1, term, AppendReply{})), Dropped::kMisdirected);
  EXPECT_EQ(leader.Receive(From(2, 3, term, AppendReply{})), Dropped::kMisdirected);
  Packet other = From(2, 1, term, AppendReply{});
  other.message.group = GroupId(8);
  EXPECT_EQ(leader.Receive(other), Dropped::kMisdirected);
  EXPECT_EQ(leader.Receive(From(2, 1, term, AppendRequest{})), Dropped::kContradiction);
  EXPECT_EQ(leader.core().role(), Role::kLeader);
  EXPECT_EQ(leader.core().term(), Term(term));
}

TEST(RaftReplication, ALeaderOfThePastLearnsOfThePresent) {
  Cluster cluster(3);
  Replica& follower = cluster.at(2);
  follower.Receive(AppendFrom(1, 2, 5, 0, 0, {5}));
  follower.WriteAll();
  follower.TakePackets();
  EXPECT_EQ(follower.Receive(AppendFrom(3, 2, 4, 0, 0, {4})), Dropped::kStale);
  const auto packets = follower.TakePackets();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].message.term, Term(5));
  EXPECT_EQ(follower.core().log().last_term(), Term(5));
}

}  // namespace
}  // namespace metaring::raft
