// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/support.h"

#include <gtest/gtest.h>

namespace metaring::raft {
namespace {

constexpr NodeId kLeader{1};
constexpr NodeId kOther{2};
constexpr uint64_t kLife = 1;
constexpr LeaseLimits kLimits{.lease_ns = 1000, .drift_ppm = 0};

// One that has promised to kLeader since time 0, under its first epoch.
SupportGiven Promised() {
  SupportGiven given(kLimits, SupportEpoch(), 0);
  given.Raised(*given.Advance(0));
  EXPECT_EQ(given.Extend(kLeader, kLife, 0), SupportEpoch(1));
  return given;
}

TEST(SupportGiven, PromisesNothingBeforeItsFirstEpochIsDurable) {
  SupportGiven given(kLimits, SupportEpoch(), 0);
  EXPECT_EQ(given.Extend(kLeader, kLife, 0), std::nullopt);
  const auto first = given.Advance(0);
  ASSERT_TRUE(first);
  EXPECT_EQ(given.Extend(kLeader, kLife, 0), std::nullopt) << "it is only on its way";
  given.Raised(*first);
  EXPECT_EQ(given.Extend(kLeader, kLife, 0), first);
}

TEST(SupportGiven, BindsUntilItHasRunOutAndAHigherEpochIsDurable) {
  SupportGiven given = Promised();
  EXPECT_EQ(given.Advance(999), std::nullopt);
  EXPECT_TRUE(given.Binds(kLeader, SupportEpoch(1)));
  const auto next = given.Advance(1000);
  ASSERT_EQ(next, SupportEpoch(2));
  EXPECT_TRUE(given.Binds(kLeader, SupportEpoch(1))) << "the epoch is not durable yet";
  EXPECT_EQ(given.Current(kLeader), SupportEpoch()) << "nor may it be promised again";
  given.Raised(*next);
  EXPECT_FALSE(given.Binds(kLeader, SupportEpoch(1)));
}

TEST(SupportGiven, AHeartbeatProlongsThePromise) {
  SupportGiven given = Promised();
  EXPECT_EQ(given.Extend(kLeader, kLife, 900), SupportEpoch(1));
  EXPECT_EQ(given.Advance(1899), std::nullopt);
  EXPECT_EQ(given.deadline(), 1900);
  EXPECT_TRUE(given.Advance(1900));
}

TEST(SupportGiven, AHeartbeatAfterTheEndRevivesNothing) {
  SupportGiven given = Promised();
  EXPECT_EQ(given.Extend(kLeader, kLife, 1000), std::nullopt) << "Advance did not notice yet";
  given.Raised(*given.Advance(1000));
  EXPECT_EQ(given.Current(kLeader), SupportEpoch()) << "the new epoch needs a heartbeat";
  EXPECT_EQ(given.Extend(kLeader, kLife, 1001), SupportEpoch(2));
  EXPECT_FALSE(given.Binds(kLeader, SupportEpoch(1)));
  EXPECT_TRUE(given.Binds(kLeader, SupportEpoch(2)));
}

TEST(SupportGiven, ANewLifeOfThePeerEndsWhatTheFormerWasPromised) {
  SupportGiven given = Promised();
  EXPECT_EQ(given.Extend(kLeader, kLife + 1, 10), std::nullopt);
  const auto next = given.Advance(10);
  ASSERT_TRUE(next);
  given.Raised(*next);
  EXPECT_FALSE(given.Binds(kLeader, SupportEpoch(1)));
  EXPECT_EQ(given.Extend(kLeader, kLife + 1, 11), next);
}

TEST(SupportGiven, ARestartedNodeWaitsOneLease) {
  SupportGiven given(kLimits, SupportEpoch(7), 5000);
  EXPECT_TRUE(given.Restarting());
  EXPECT_EQ(given.Advance(5000), SupportEpoch(8)) << "what was promised before is not prolonged";
  EXPECT_EQ(given.Advance(5999), std::nullopt);
  EXPECT_TRUE(given.Restarting());
  EXPECT_EQ(given.Advance(6000), std::nullopt);
  EXPECT_FALSE(given.Restarting());
}

TEST(SupportGiven, ANodeThatNeverPromisedNeedNotWait) {
  EXPECT_FALSE(SupportGiven(kLimits, SupportEpoch(), 0).Restarting());
}

TEST(SupportGiven, EndsOneWithoutTheOthers) {
  SupportGiven given = Promised();
  EXPECT_EQ(given.Extend(kOther, kLife, 500), SupportEpoch(1));
  given.Raised(*given.Advance(1000));
  EXPECT_FALSE(given.Binds(kLeader, SupportEpoch(1)));
  EXPECT_TRUE(given.Binds(kOther, SupportEpoch(1)));
}

TEST(SupportGiven, AnEpochThatIsOnItsWayIsNotTakenForALaterEnd) {
  SupportGiven given = Promised();
  ASSERT_EQ(given.Extend(kOther, kLife, 500), SupportEpoch(1));
  const auto first = given.Advance(1000);
  const auto second = given.Advance(1500);
  ASSERT_TRUE(first && second);
  EXPECT_LT(*first, *second);
  given.Raised(*first);
  EXPECT_TRUE(given.Binds(kOther, SupportEpoch(1)));
  given.Raised(*second);
  EXPECT_FALSE(given.Binds(kOther, SupportEpoch(1)));
}

TEST(SupportGiven, KnowsABoundedNumberOfPeers) {
  SupportGiven given = Promised();
  for (uint64_t node = 2; node <= kSupportPeersMax; ++node) {
    ASSERT_TRUE(given.Extend(NodeId(node), kLife, 0));
  }
  EXPECT_EQ(given.Extend(NodeId(kSupportPeersMax + 1), kLife, 0), std::nullopt);
}

TEST(SupportReceived, CountsFromWhenTheHeartbeatLeft) {
  SupportReceived received(kLimits);
  received.Granted(kOther, SupportEpoch(3), 100);
  EXPECT_EQ(received.Deadline(kOther, SupportEpoch(3)), 1100);
}

TEST(SupportReceived, AHigherEpochEndsWhatWasRecordedBefore) {
  SupportReceived received(kLimits);
  received.Granted(kOther, SupportEpoch(3), 100);
  received.Granted(kOther, SupportEpoch(4), 200);
  EXPECT_EQ(received.Deadline(kOther, SupportEpoch(3)), 0);
  received.Granted(kOther, SupportEpoch(3), 300);
  EXPECT_EQ(received.Deadline(kOther, SupportEpoch(3)), 0) << "a late answer";
  EXPECT_EQ(received.Deadline(kOther, SupportEpoch(4)), 1200);
}

TEST(SupportReceived, ALateAnswerDoesNotShortenThePromise) {
  SupportReceived received(kLimits);
  received.Granted(kOther, SupportEpoch(3), 500);
  received.Granted(kOther, SupportEpoch(3), 100);
  EXPECT_EQ(received.Deadline(kOther, SupportEpoch(3)), 1500);
}

TEST(SupportReceived, TellsWhoseHasRunOut) {
  SupportReceived received(kLimits);
  received.Granted(kOther, SupportEpoch(3), 0);
  EXPECT_EQ(received.deadline(), 1000);
  EXPECT_TRUE(received.Advance(999).empty());
  EXPECT_TRUE(received.Stands(kOther, SupportEpoch(3)));
  EXPECT_EQ(received.Advance(1000), std::vector<NodeId>{kOther});
  EXPECT_FALSE(received.Stands(kOther, SupportEpoch(3)));
  EXPECT_TRUE(received.Advance(2000).empty()) << "once";
}

TEST(Support, AShortLeaseIsLessTheDriftToo) {
  const LeaseLimits limits{.lease_ns = 999'999, .drift_ppm = 10'000};
  EXPECT_LE(static_cast<double>(limits.usable_ns()), 999'999 * (1 - 0.01) / (1 + 0.01));
}

// The leader's clock is the slowest, the follower's the fastest that the limits allow.
TEST(Support, TheLeaderStopsCountingBeforeTheFollowerIsFree) {
  const LeaseLimits limits{.lease_ns = 1'000'000'000, .drift_ppm = 10'000};
  const double slow = 1 - 0.01;
  const double fast = 1 + 0.01;
  SupportReceived received(limits);
  received.Granted(kOther, SupportEpoch(1), 0);
  const double leader_ends = static_cast<double>(received.Deadline(kOther, SupportEpoch(1))) / slow;
  const double follower_ends = static_cast<double>(limits.lease_ns) / fast;
  EXPECT_LE(leader_ends, follower_ends);
}

}  // namespace
}  // namespace metaring::raft
