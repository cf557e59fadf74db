// SPDX-License-Identifier: Apache-2.0
//
// Linearizable reads and what they stand on: own-term commitment, ReadIndex, leases by support,
// silence of idle groups, and the hand-over of leadership (pitfalls 10 and 11; Raft 8; dissertation
// 3.10, 6.3, 6.4).
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/raft/cluster.h"
#include "tests/unit/raft/packets.h"

namespace metaring::raft {
namespace {

int64_t LeaseEnd(Cluster& cluster, uint64_t node) {
  return cluster.at(node).core().Gate().LeaseEnd(cluster.at(node).host().received);
}

bool HasLease(Cluster& cluster, uint64_t node) {
  return LeaseEnd(cluster, node) > cluster.now_ns();
}

// Elected, with support, and with nothing left to do.
void Idle(Cluster& cluster) {
  ASSERT_EQ(cluster.Elect(), 1u);
  for (int i = 0; i < 10; ++i) cluster.Tick();
}

TEST(RaftIdle, ASupportedGroupWithoutWorkNeedsNoTickAndSendsNothing) {
  Cluster cluster(3);
  Idle(cluster);
  for (const uint64_t node : {1, 2, 3}) EXPECT_FALSE(cluster.at(node).core().NeedsTick()) << node;
  for (int i = 0; i < 100; ++i) {
    cluster.Advance(kTickNs);
    cluster.Heartbeats();
    cluster.Collect();
    ASSERT_TRUE(cluster.network().empty());
    for (const uint64_t node : {1, 2, 3}) ASSERT_FALSE(cluster.at(node).core().NeedsTick());
  }
  EXPECT_TRUE(HasLease(cluster, 1));
}

TEST(RaftIdle, WithoutHeartbeatsFollowersWakeAndElect) {
  Cluster cluster(3);
  Idle(cluster);
  cluster.at(1).Crash();
  EXPECT_FALSE(cluster.at(2).core().NeedsTick());
  cluster.Advance(LeaseLimits().lease_ns + kTickNs);
  EXPECT_TRUE(cluster.at(2).core().NeedsTick());
  EXPECT_EQ(cluster.Elect(), 2u);
}

TEST(RaftIdle, AnUnreachableMemberKeepsNobodyAwake) {
  Cluster cluster(3);
  Idle(cluster);
  cluster.at(3).Crash();
  ASSERT_TRUE(cluster.Put(1, 5));
  for (int i = 0; i < 20; ++i) cluster.Tick();
  EXPECT_TRUE(cluster.at(1).core().NeedsTick());
  cluster.at(1).core().SetReachable(NodeId(3), false);
  EXPECT_FALSE(cluster.at(1).core().NeedsTick());
  cluster.at(3).Start(cluster.now_ns());
  cluster.at(1).core().SetReachable(NodeId(3), true);
  for (int i = 0; i < 20; ++i) cluster.Tick();
  EXPECT_EQ(cluster.at(3).applied().values.size(), 1u);
}

TEST(RaftSupport, AFollowerVotesOnlyWhenItsPromiseHasEndedAndItsEpochIsDurable) {
  Cluster cluster(3);
  Idle(cluster);
  Replica& follower = cluster.at(2);
  const uint64_t term = follower.core().term().value();
  const VoteRequest better = Ask(99, term);
  EXPECT_EQ(follower.Receive(From(3, 2, term + 1, better)), Dropped::kLeaderSupported);
  const int64_t later = cluster.now_ns() + LeaseLimits().lease_ns;
  const auto epoch = follower.host().given.Advance(later);
  ASSERT_TRUE(epoch);
  EXPECT_EQ(follower.Receive(From(3, 2, term + 1, better)), Dropped::kLeaderSupported);
  follower.host().given.Raised(*epoch);
  follower.core().Tick();
  EXPECT_EQ(follower.Receive(From(3, 2, term + 1, better)), Dropped::kNo);
  follower.WriteAll();
  EXPECT_EQ(follower.durable_hard_state(), (HardState{Term(term + 1), NodeId(3)}));
}

TEST(RaftSupport, ARestartedNodeVotesAfterOneLease) {
  Cluster cluster(3);
  Idle(cluster);
  cluster.at(2).Crash();
  cluster.at(2).Start(cluster.now_ns());
  const uint64_t term = cluster.at(2).core().term().value();
  EXPECT_EQ(cluster.at(2).Receive(From(3, 2, term + 1, Ask(99, term))), Dropped::kLeaderSupported);
  cluster.Advance(LeaseLimits().lease_ns);
  EXPECT_EQ(cluster.at(2).Receive(From(3, 2, term + 1, Ask(99, term))), Dropped::kNo);
}

TEST(RaftSupport, ALeaderRecordsTheNewEpochWithAnAppendOfItsTerm) {
  Cluster cluster(3);
  Idle(cluster);
  const Term term = cluster.at(1).core().term();
  cluster.at(2).Crash();
  cluster.at(3).Crash();
  cluster.at(2).Start(cluster.now_ns());
  cluster.at(3).Start(cluster.now_ns());
  cluster.Heartbeats();
  EXPECT_EQ(LeaseEnd(cluster, 1), 0) << "the new epochs were acknowledged by nobody";
  for (int i = 0; i < 5; ++i) cluster.Tick();
  EXPECT_TRUE(HasLease(cluster, 1));
  EXPECT_EQ(cluster.at(1).core().term(), term);
}

TEST(RaftLease, AHeartbeatDoesNotProlongItAfterTheFollowerMovedOn) {
  Cluster cluster(3);
  Idle(cluster);
  // 1 and the others lose each other for long enough, and a new leader comes.
  cluster.Isolate(1);
  ASSERT_NE(cluster.ElectOther(1), 0u);
  cluster.Heal();
  cluster.Heartbeats();
  cluster.Advance(1);
  cluster.Heartbeats();
  EXPECT_FALSE(HasLease(cluster, 1)) << "no message of the group has arrived yet";
}

TEST(RaftLease, IsOverBeforeAnotherCanBeElected) {
  Cluster cluster(3);
  Idle(cluster);
  cluster.Isolate(1);
  ASSERT_NE(cluster.ElectOther(1), 0u);
  EXPECT_FALSE(HasLease(cluster, 1));
}

TEST(RaftLease, APausedLeaderThatWakesDoesNotServe) {
  Cluster cluster(3);
  Idle(cluster);
  const ReadGate gate = cluster.at(1).core().Gate();
  const SupportReceived received = cluster.at(1).host().received;
  const LogIndex applied = cluster.at(1).applied().index;
  EXPECT_EQ(gate.ByLease(applied, cluster.now_ns(), received), ReadVerdict::kServe);
  const int64_t woken = cluster.now_ns() + LeaseLimits().lease_ns;
  EXPECT_EQ(gate.ByLease(applied, woken, received), ReadVerdict::kNoLease);
}

TEST(RaftTransfer, TheTargetCampaignsAtOnceAndWinsThoughAllArePromised) {
  Cluster cluster(3);
  Idle(cluster);
  ASSERT_TRUE(cluster.at(1).core().TransferLeadership(NodeId(3)));
  std::string trace;
  cluster.Settle(&trace);
  EXPECT_EQ(cluster.Leader(), 3u);
  EXPECT_EQ(trace.substr(0, trace.find('\n')),
            "1>3 t" + std::to_string(cluster.at(1).core().term().value() - 1) + " timeout-now");
  cluster.Check();
}

TEST(RaftTransfer, TheLeaseEndsBeforeTheTargetIsTold) {
  Cluster cluster(3);
  Idle(cluster);
  EXPECT_TRUE(HasLease(cluster, 1));
  ASSERT_TRUE(cluster.at(1).core().TransferLeadership(NodeId(3)));
  EXPECT_FALSE(HasLease(cluster, 1)) << "no output was taken yet";
  cluster.at(1).Drain();
  EXPECT_EQ(Sent<TimeoutNow>(cluster.at(1)).size(), 1u);
  for (int i = 0; i < 30; ++i) cluster.Tick();
  EXPECT_EQ(cluster.Leader(), 1u) << "the message was lost";
  EXPECT_TRUE(cluster.at(1).core().Gate().open());
  EXPECT_FALSE(HasLease(cluster, 1)) << "it may still arrive";
}

TEST(RaftTransfer, WaitsUntilTheTargetHasTheWholeLog) {
  Cluster cluster(3);
  Idle(cluster);
  cluster.Isolate(3);
  ASSERT_TRUE(cluster.Put(1, 5));
  ASSERT_TRUE(cluster.at(1).core().TransferLeadership(NodeId(3)));
  EXPECT_FALSE(cluster.at(1).Propose(6)) << "else the target might never catch up";
  cluster.at(1).Drain();
  EXPECT_TRUE(Sent<TimeoutNow>(cluster.at(1)).empty());
  for (int i = 0; i < 15; ++i) cluster.Tick();
  EXPECT_TRUE(cluster.at(1).Propose(6)) << "it gave up";
  EXPECT_EQ(cluster.Leader(), 1u);
}

TEST(RaftTransfer, OnlyToAnotherVoter) {
  Cluster cluster(3);
  Idle(cluster);
  EXPECT_FALSE(cluster.at(1).core().TransferLeadership(NodeId(1)));
  EXPECT_FALSE(cluster.at(1).core().TransferLeadership(NodeId(9)));
  EXPECT_FALSE(cluster.at(2).core().TransferLeadership(NodeId(3)));
}

TEST(RaftTransfer, ATimeoutNowOfThePastDoesNothing) {
  Cluster cluster(3);
  Idle(cluster);
  const uint64_t term = cluster.at(3).core().term().value();
  EXPECT_EQ(cluster.at(3).Receive(From(1, 3, term - 1, TimeoutNow{})), Dropped::kStale);
  EXPECT_EQ(cluster.at(3).Receive(From(2, 3, term, TimeoutNow{})), Dropped::kStale);
}

TEST(RaftSupport, AFollowerDoesNotWaitForALeaderThatLeadsNoMore) {
  Cluster cluster(3);
  Idle(cluster);
  // Node 1's log is found damaged: it steps down, and its node lives on, with all heartbeats.
  cluster.at(1).core().LogDamaged(RepairId(1), LogIndex(100));
  cluster.Collect();
  cluster.network().clear();
  EXPECT_NE(cluster.ElectOther(1), 0u);
}

// It could lead in such a term after a crash, and a late message would end promises to it.
TEST(RaftSupport, WhoStepsDownSpeaksOfNoTermThatIsNotDurable) {
  Cluster cluster(3);
  Idle(cluster);
  Replica& former = cluster.at(1);
  const Term term = former.core().term();
  former.Receive(From(2, 1, term.value() + 3, AppendReply{.rejected = true}));
  for (int i = 0; i < 5; ++i) former.core().Tick();
  former.Drain();
  size_t ended = 0;
  for (const Packet& packet : former.TakePackets()) {
    if (!std::holds_alternative<LeadershipEnded>(packet.message.body)) continue;
    EXPECT_EQ(packet.message.term, term);
    ++ended;
  }
  EXPECT_EQ(ended, 2u);
}

// A late append of a former life makes a follower promise to a node that leads nothing.
TEST(RaftSupport, AFollowerThatIsBoundToNoLeaderFindsOutWhenAnotherCampaigns) {
  Cluster cluster(3);
  Idle(cluster);
  ASSERT_TRUE(cluster.at(1).Propose(5));
  cluster.Collect();
  const std::deque<Packet> late = cluster.network();
  cluster.Settle();
  cluster.at(1).Crash();
  cluster.at(1).Damage(LogIndex(2));
  cluster.at(1).Start(cluster.now_ns());
  cluster.Heartbeats();
  cluster.Heartbeats();
  for (const Packet& packet : late) cluster.Deliver(packet);
  cluster.Collect();
  cluster.network().clear();
  EXPECT_EQ(cluster.at(2).core().leader(), NodeId(1));
  EXPECT_FALSE(cluster.at(2).core().NeedsTick());
  EXPECT_FALSE(cluster.at(3).core().NeedsTick());
  EXPECT_NE(cluster.ElectOther(1), 0u);
}

// The log that made the other a member may be what this replica lost (seed 1000175).
TEST(RaftSupport, AReplicaThatDoesNotLeadSaysSoToWhomItDoesNotKnow) {
  Cluster cluster(3);
  Idle(cluster);
  Replica& follower = cluster.at(2);
  const uint64_t term = follower.core().term().value();
  EXPECT_NE(follower.Receive(From(9, 2, term, AppendReply{.match = LogIndex(1)})), Dropped::kNo);
  const auto packets = follower.TakePackets();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].message.to, NodeId(9));
  EXPECT_TRUE(std::holds_alternative<LeadershipEnded>(packets[0].message.body));
}

TEST(RaftReadIndex, IsConfirmedByAMajority) {
  Cluster cluster(3);
  Idle(cluster);
  Core& leader = cluster.at(1).core();
  ASSERT_EQ(leader.ReadIndex(RoundId(1)), ReadJoin::kAsk);
  ASSERT_EQ(leader.ReadIndex(RoundId(1)), ReadJoin::kShared);
  cluster.at(1).Drain();
  EXPECT_TRUE(cluster.at(1).TakeReads().empty());
  EXPECT_TRUE(cluster.at(2).core().Follows(NodeId(1), leader.term()));
  EXPECT_TRUE(leader.Confirmed(NodeId(2), RoundId(1), leader.term()));
  cluster.at(1).Drain();
  const auto reads = cluster.at(1).TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(leader.Gate().ByConfirmation(cluster.at(1).applied().index, reads[0]),
            ReadVerdict::kServe);
}

TEST(RaftReadIndex, NothingIsServedBeforeTheOwnTermEntryIsCommitted) {
  Cluster cluster(3);
  Idle(cluster);
  ASSERT_TRUE(cluster.Put(1, 5));
  ASSERT_TRUE(cluster.at(1).core().TransferLeadership(NodeId(2)));
  cluster.Collect();
  while (cluster.at(2).core().role() != Role::kLeader) {
    for (const uint64_t node : {1, 2, 3}) cluster.at(node).WriteAll();
    cluster.Collect();
    ASSERT_FALSE(cluster.network().empty());
    const Packet packet = cluster.network().front();
    cluster.network().pop_front();
    cluster.Deliver(packet);
  }
  Core& leader = cluster.at(2).core();
  EXPECT_FALSE(leader.Gate().open());
  ASSERT_TRUE(leader.ReadIndex(RoundId(1)));
  leader.Confirmed(NodeId(1), RoundId(1), leader.term());
  leader.Confirmed(NodeId(3), RoundId(1), leader.term());
  cluster.at(2).Drain();
  EXPECT_TRUE(cluster.at(2).TakeReads().empty());
  cluster.Settle();
  const auto reads = cluster.at(2).TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_GE(reads[0].read_index, leader.commit_index());
}

TEST(RaftReadIndex, DiesWithTheLeadership) {
  Cluster cluster(3);
  Idle(cluster);
  Core& leader = cluster.at(1).core();
  const Term term = leader.term();
  ASSERT_TRUE(leader.ReadIndex(RoundId(1)));
  ASSERT_TRUE(leader.TransferLeadership(NodeId(2)));
  cluster.Settle();
  ASSERT_TRUE(cluster.at(2).core().TransferLeadership(NodeId(1)));
  cluster.Settle();
  ASSERT_EQ(cluster.Leader(), 1u);
  EXPECT_FALSE(leader.Confirmed(NodeId(2), RoundId(1), term)) << "an answer of the former term";
  EXPECT_FALSE(leader.Confirmed(NodeId(2), RoundId(1), leader.term()));
  cluster.at(1).Drain();
  EXPECT_TRUE(cluster.at(1).TakeReads().empty());
}

TEST(RaftReadIndex, APeerAnswersOnlyForTheTermThatItFollows) {
  Cluster cluster(3);
  Idle(cluster);
  const Term term = cluster.at(1).core().term();
  EXPECT_FALSE(cluster.at(2).core().Follows(NodeId(1), Term(term.value() - 1)));
  EXPECT_FALSE(cluster.at(2).core().Follows(NodeId(3), term));
  EXPECT_FALSE(cluster.at(1).core().Follows(NodeId(1), term));
}

TEST(RaftReadIndex, ASoleVoterConfirmsItself) {
  Cluster cluster(1);
  ASSERT_EQ(cluster.Elect(), 1u);
  ASSERT_TRUE(cluster.at(1).core().ReadIndex(RoundId(1)));
  cluster.at(1).Drain();
  EXPECT_EQ(cluster.at(1).TakeReads().size(), 1u);
  EXPECT_TRUE(HasLease(cluster, 1));
}

}  // namespace
}  // namespace metaring::raft
