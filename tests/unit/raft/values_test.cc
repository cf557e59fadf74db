// SPDX-License-Identifier: Apache-2.0
//
// The small values: configurations, progress, persistence.
#include <gtest/gtest.h>

#include "kvnode/raft/configuration.h"
#include "kvnode/raft/persistence.h"
#include "kvnode/raft/progress.h"
#include "kvnode/raft/votes.h"

namespace metaring::raft {
namespace {

Member Voter(uint64_t node, bool in_sync = true) {
  return {NodeId(node), MemberRole::kVoter, in_sync};
}
Member Learner(uint64_t node) {
  return {NodeId(node), MemberRole::kLearner};
}

TEST(Configuration, MajorityIsMoreThanHalfOfTheVoters) {
  EXPECT_EQ(Configuration({Voter(1)}).majority(), 1u);
  EXPECT_EQ(Configuration({Voter(1), Voter(2)}).majority(), 2u);
  EXPECT_EQ(Configuration({Voter(1), Voter(2), Voter(3), Learner(4)}).majority(), 2u);
  EXPECT_EQ(Configuration({Voter(1), Voter(2), Voter(3), Voter(4)}).majority(), 3u);
}

TEST(Configuration, WhatIsNoneIsRefused) {
  EXPECT_FALSE(Configuration().Check());
  EXPECT_FALSE(Configuration({Learner(1)}).Check());
  EXPECT_FALSE(Configuration({Voter(1), Learner(1)}).Check());
  EXPECT_FALSE(Configuration({Voter(0), Voter(1)}).Check());
  EXPECT_FALSE(Configuration({Voter(1, false), Voter(2, false)}).Check());
  std::vector<Member> many;
  for (uint64_t node = 1; node <= kMembersMax + 1; ++node) many.push_back(Voter(node));
  EXPECT_FALSE(Configuration(many).Check());
}

TEST(Configuration, AStepChangesOneVoter) {
  const Configuration three({Voter(1), Voter(2), Voter(3), Learner(4), Learner(5)});
  EXPECT_TRUE(CheckStep(three, Configuration({Voter(1), Voter(2)})));
  EXPECT_TRUE(CheckStep(three, Configuration({Voter(1), Voter(2), Voter(3), Voter(4)})));
  EXPECT_FALSE(CheckStep(three, Configuration({Voter(1), Voter(2), Voter(4)}))) << "a swap is two";
  EXPECT_FALSE(CheckStep(three, Configuration({Voter(1)})));
  EXPECT_TRUE(CheckStep(three, Configuration({Voter(1), Voter(2), Voter(3), Learner(8)})));
}

TEST(Configuration, AVoterWasALearnerBefore) {
  const Configuration two({Voter(1), Voter(2)});
  EXPECT_FALSE(CheckStep(two, Configuration({Voter(1), Voter(2), Voter(3)})));
}

TEST(ConfigurationLog, TheLatestIsInForceUntilItIsTakenAway) {
  ConfigurationLog log({LogIndex(0), Configuration({Voter(1)})});
  log.Append({LogIndex(4), Configuration({Voter(1), Learner(2)})});
  log.Append({LogIndex(6), Configuration({Voter(1), Voter(2)})});
  EXPECT_EQ(log.latest_index(), LogIndex(6));
  log.TruncateFrom(LogIndex(5));
  EXPECT_EQ(log.latest(), Configuration({Voter(1), Learner(2)}));
  log.CommittedTo(LogIndex(4));
  log.TruncateFrom(LogIndex(1));
  EXPECT_EQ(log.latest_index(), LogIndex(4)) << "what is committed stays";
}

TEST(Votes, OnlyVotersCountAndEachOnce) {
  const Configuration three({Voter(1), Voter(2), Voter(3), Learner(4)});
  Votes votes;
  votes.Grant(NodeId(1));
  votes.Grant(NodeId(1));
  votes.Grant(NodeId(4));
  votes.Grant(NodeId(9));
  EXPECT_FALSE(votes.Won(three));
  votes.Grant(NodeId(3));
  EXPECT_TRUE(votes.Won(three));
}

TEST(Persistence, AWriteClaimsWhatTheLogWasWhenItBegan) {
  Persistence persistence{LogIndex(0)};
  const PersistToken first = persistence.Begin(LogIndex(5));
  const PersistToken second = persistence.Begin(LogIndex(9));
  persistence.Done(first);
  EXPECT_EQ(persistence.durable_index(), LogIndex(5));
  persistence.Done(second);
  EXPECT_EQ(persistence.durable_index(), LogIndex(9));
}

// Entry 5 of the same term came, went and came again: the first write of it says nothing about the
// second copy.
TEST(Persistence, ATruncationVoidsWhatEarlierWritesClaim) {
  Persistence persistence{LogIndex(2)};
  const PersistToken written_then_cut = persistence.Begin(LogIndex(5));
  persistence.Truncated(LogIndex(3));
  const PersistToken cut = persistence.Begin(LogIndex(3));
  const PersistToken again = persistence.Begin(LogIndex(5));
  persistence.Done(written_then_cut);
  EXPECT_EQ(persistence.durable_index(), LogIndex(2));
  persistence.Done(cut);
  EXPECT_EQ(persistence.durable_index(), LogIndex(3));
  persistence.Done(again);
  EXPECT_EQ(persistence.durable_index(), LogIndex(5));
}

TEST(Persistence, TheLowestOfSeveralTruncationsHolds) {
  Persistence persistence{LogIndex(9)};
  const PersistToken early = persistence.Begin(LogIndex(9));
  persistence.Truncated(LogIndex(4));
  persistence.Begin(LogIndex(8));
  persistence.Truncated(LogIndex(8));
  persistence.Begin(LogIndex(9));
  persistence.Done(early);
  EXPECT_EQ(persistence.durable_index(), LogIndex(3));
}

TEST(Persistence, TheHardStateIsDurableWithItsOwnWrite) {
  Persistence persistence{LogIndex(0)};
  EXPECT_TRUE(persistence.HardStateDurable());
  const PersistToken before = persistence.Begin(LogIndex(1));
  persistence.HardStateChanged();
  const PersistToken with = persistence.Begin(LogIndex(1));
  persistence.Done(before);
  EXPECT_FALSE(persistence.HardStateDurable());
  persistence.Done(with);
  EXPECT_TRUE(persistence.HardStateDurable());
}

constexpr uint64_t kBytesMax = 1000;

// One whose log is known to agree up to 10, of 20.
Progress Replicating() {
  Progress progress(NodeId(2), LogIndex(10));
  EXPECT_TRUE(progress.Acknowledged(LogIndex(10)));
  EXPECT_EQ(progress.state(), ProgressState::kReplicate);
  return progress;
}

TEST(Progress, AProbeSendsOneAppendAndWaits) {
  Progress progress(NodeId(2), LogIndex(10));
  EXPECT_TRUE(progress.MaySend(kBytesMax));
  progress.HandedOut();
  EXPECT_FALSE(progress.MaySend(kBytesMax)) << "the driver has one";
  progress.Sent(LogIndex(10), LogIndex(12), 5);
  EXPECT_FALSE(progress.MaySend(kBytesMax));
  EXPECT_EQ(progress.next(), LogIndex(11));
  progress.Acknowledged(LogIndex(12));
  EXPECT_TRUE(progress.MaySend(kBytesMax));
}

TEST(Progress, APipelineIsBoundedByBytes) {
  Progress progress = Replicating();
  EXPECT_TRUE(progress.Sent(LogIndex(10), LogIndex(11), kBytesMax));
  EXPECT_FALSE(progress.MaySend(kBytesMax));
  progress.Acknowledged(LogIndex(11));
  EXPECT_TRUE(progress.MaySend(kBytesMax));
  EXPECT_EQ(progress.bytes_in_flight(), 0u);
}

TEST(Progress, APipelineIsBoundedByMessages) {
  Progress progress = Replicating();
  uint64_t sent = 0;
  for (; progress.MaySend(kBytesMax); ++sent) {
    progress.Sent(LogIndex(10 + sent), LogIndex(11 + sent), 1);
  }
  EXPECT_EQ(sent, kAppendsInFlightMax);
  progress.Acknowledged(LogIndex(12));
  EXPECT_EQ(progress.bytes_in_flight(), kAppendsInFlightMax - 2);
}

TEST(Progress, ARejectionOfThePastChangesNothing) {
  Progress progress = Replicating();
  EXPECT_FALSE(progress.Rejected(LogIndex(9), LogIndex(2)));
  EXPECT_EQ(progress.next(), LogIndex(11));
}

TEST(Progress, AGapInThePipelineIsProbedFromWhatMatches) {
  Progress progress = Replicating();
  progress.Sent(LogIndex(10), LogIndex(12), 1);
  progress.Sent(LogIndex(12), LogIndex(15), 1);
  EXPECT_TRUE(progress.Rejected(LogIndex(12), LogIndex(10)));
  EXPECT_EQ(progress.state(), ProgressState::kProbe);
  EXPECT_EQ(progress.next(), LogIndex(11));
  EXPECT_EQ(progress.bytes_in_flight(), 0u);
}

TEST(Progress, WhatIsUnansweredForLongIsSentAgain) {
  Progress progress = Replicating();
  EXPECT_FALSE(progress.Stalled(2)) << "nothing is under way";
  progress.Sent(LogIndex(10), LogIndex(12), 1);
  EXPECT_FALSE(progress.Stalled(2));
  EXPECT_TRUE(progress.Stalled(2));
}

TEST(Progress, ASnapshotEndsInAProbeBehindIt) {
  Progress progress(NodeId(2), LogIndex(10));
  progress.AwaitSnapshot();
  EXPECT_FALSE(progress.MaySend(kBytesMax));
  progress.SnapshotSent(LogIndex(30));
  EXPECT_EQ(progress.state(), ProgressState::kProbe);
  EXPECT_EQ(progress.next(), LogIndex(31));
}

TEST(Progress, ADamagedLogMatchesNothingUntilItSaysSoAgain) {
  Progress progress = Replicating();
  progress.ForgetMatch(RepairId(1));
  EXPECT_EQ(progress.match(), LogIndex(0));
  EXPECT_EQ(progress.state(), ProgressState::kProbe);
}

}  // namespace
}  // namespace metaring::raft
