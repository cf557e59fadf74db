// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/read_gate.h"

#include <gtest/gtest.h>

#include <limits>

#include "kvnode/raft/confirm.h"

namespace metaring::raft {
namespace {

constexpr LeaseLimits kLimits{.lease_ns = 1000, .drift_ppm = 0};
constexpr LogIndex kIndex{9};
constexpr Term kTerm{3};

SupportReceived PromisesOf2And3() {
  SupportReceived received(kLimits);
  received.Granted(NodeId(2), SupportEpoch(5), 100);
  received.Granted(NodeId(3), SupportEpoch(6), 200);
  return received;
}

ReadGate GateOfFive() {
  return {
      kTerm,
      kIndex,
      2,
      {{NodeId(2), SupportEpoch(5)}, {NodeId(3), SupportEpoch(6)}, {NodeId(4), SupportEpoch(7)}}};
}

TEST(ReadGate, IsClosedWithoutALeader) {
  EXPECT_EQ(ReadGate().ByLease(kIndex, 0, PromisesOf2And3()), ReadVerdict::kNotLeader);
  EXPECT_EQ(ReadGate().ByConfirmation(kIndex, {}), ReadVerdict::kNotLeader);
}

TEST(ReadGate, TheLeaseEndsWithThePromiseThatAMajorityNeeds) {
  EXPECT_EQ(GateOfFive().LeaseEnd(PromisesOf2And3()), 1100);
  SupportReceived more = PromisesOf2And3();
  more.Granted(NodeId(4), SupportEpoch(7), 150);
  EXPECT_EQ(GateOfFive().LeaseEnd(more), 1150);
}

TEST(ReadGate, AReadThatEndsWithTheLeaseIsTooLate) {
  EXPECT_EQ(GateOfFive().ByLease(kIndex, 1099, PromisesOf2And3()), ReadVerdict::kServe);
  EXPECT_EQ(GateOfFive().ByLease(kIndex, 1100, PromisesOf2And3()), ReadVerdict::kNoLease);
}

TEST(ReadGate, APromiseUnderAnotherEpochCountsForNothing) {
  SupportReceived received = PromisesOf2And3();
  received.Granted(NodeId(2), SupportEpoch(8), 900);
  EXPECT_EQ(GateOfFive().LeaseEnd(received), 0);
}

TEST(ReadGate, AStateOlderThanTheCommitIndexIsNotServed) {
  EXPECT_EQ(GateOfFive().ByLease(LogIndex(8), 500, PromisesOf2And3()), ReadVerdict::kBehind);
}

TEST(ReadGate, AMajorityOfOneNeedsNoPromise) {
  const ReadGate gate(kTerm, kIndex, 0, {});
  EXPECT_EQ(gate.LeaseEnd(SupportReceived(kLimits)), std::numeric_limits<int64_t>::max());
}

TEST(ReadGate, WithoutALeaseAConfirmationStillServes) {
  const ReadGate gate(kTerm, kIndex);
  EXPECT_EQ(gate.ByLease(kIndex, 0, PromisesOf2And3()), ReadVerdict::kNoLease);
  EXPECT_EQ(gate.ByConfirmation(kIndex, {RoundId(1), kTerm, kIndex}), ReadVerdict::kServe);
  EXPECT_EQ(gate.ByConfirmation(LogIndex(8), {RoundId(1), kTerm, kIndex}), ReadVerdict::kBehind);
}

TEST(ReadGate, AConfirmationDiesWithItsTerm) {
  const ReadGate gate(kTerm, kIndex);
  EXPECT_EQ(gate.ByConfirmation(kIndex, {RoundId(1), Term(2), kIndex}), ReadVerdict::kNotLeader);
}

Configuration Three() {
  return Configuration::OfVoters({NodeId(1), NodeId(2), NodeId(3)});
}

TEST(ReadRounds, NeedAMajorityWithTheLeader) {
  ReadRounds rounds;
  EXPECT_TRUE(rounds.Join(RoundId(4), kIndex));
  EXPECT_FALSE(rounds.Join(RoundId(4), kIndex)) << "asks already";
  EXPECT_EQ(rounds.Take(Three(), NodeId(1), kTerm), std::nullopt);
  EXPECT_FALSE(rounds.Confirmed(RoundId(3), NodeId(2))) << "an id of the past";
  EXPECT_TRUE(rounds.Confirmed(RoundId(4), NodeId(9)));
  EXPECT_EQ(rounds.Take(Three(), NodeId(1), kTerm), std::nullopt) << "9 is no voter";
  EXPECT_TRUE(rounds.Confirmed(RoundId(4), NodeId(2)));
  EXPECT_EQ(rounds.Take(Three(), NodeId(1), kTerm), (ConfirmedReads{RoundId(4), kTerm, kIndex}));
  EXPECT_TRUE(rounds.empty());
}

TEST(ReadRounds, ALaterRoundConfirmsTheEarlier) {
  ReadRounds rounds;
  rounds.Join(RoundId(1), LogIndex(5));
  rounds.Join(RoundId(2), LogIndex(7));
  rounds.Join(RoundId(3), LogIndex(8));
  rounds.Confirmed(RoundId(2), NodeId(3));
  EXPECT_EQ(rounds.Take(Three(), NodeId(1), kTerm),
            (ConfirmedReads{RoundId(2), kTerm, LogIndex(7)}));
  EXPECT_FALSE(rounds.empty()) << "3 arrived after 2 had been asked";
}

TEST(ReadRounds, AreBoundedByJoiningTheOldest) {
  ReadRounds rounds;
  for (uint64_t i = 1; i <= 3 * kReadRoundsMax; ++i) rounds.Join(RoundId(i), LogIndex(i));
  EXPECT_FALSE(rounds.Confirmed(RoundId(2 * kReadRoundsMax), NodeId(2)));
  EXPECT_TRUE(rounds.Confirmed(RoundId(2 * kReadRoundsMax + 1), NodeId(2)));
}

TEST(ConfirmRounds, AskEachVoterOnceForAllGroups) {
  ConfirmRounds rounds;
  const RoundId round = rounds.open();
  rounds.Join({GroupId(1), Term(1)}, Three(), NodeId(1));
  rounds.Join({GroupId(2), Term(8)}, Configuration::OfVoters({NodeId(1), NodeId(3)}), NodeId(1));
  const std::vector<ConfirmMessage> messages = rounds.Seal();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].peer, NodeId(2));
  EXPECT_EQ(messages[1].peer, NodeId(3));
  EXPECT_EQ(messages[1].round, round);
  EXPECT_EQ(messages[1].groups,
            (std::vector<GroupTerm>{{GroupId(1), Term(1)}, {GroupId(2), Term(8)}}));
  EXPECT_LT(round, rounds.open()) << "what arrives now is not answered by what was sent";
  EXPECT_TRUE(rounds.Seal().empty());
}

TEST(ConfirmRounds, AMessageHasABoundedNumberOfGroups) {
  ConfirmRounds rounds;
  const Configuration two = Configuration::OfVoters({NodeId(1), NodeId(2)});
  for (uint32_t i = 0; i <= kConfirmGroupsMax; ++i) {
    rounds.Join({GroupId(i), Term(1)}, two, NodeId(1));
  }
  const std::vector<ConfirmMessage> messages = rounds.Seal();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].groups.size(), kConfirmGroupsMax);
  EXPECT_EQ(messages[1].groups.size(), 1u);
}

}  // namespace
}  // namespace metaring::raft
