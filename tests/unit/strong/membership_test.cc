// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/membership.h"

#include <gtest/gtest.h>

#include "tests/unit/strong/cluster.h"

namespace metaring::strong {
namespace {

std::vector<NodeId> Ids(const std::vector<uint64_t>& numbers) {
  std::vector<NodeId> ids;
  for (const uint64_t number : numbers) ids.emplace_back(number);
  return ids;
}

TEST(NextStep, EveryWayEndsAndEachStepIsSafe) {
  for (uint64_t from = 1; from < 32; ++from) {
    for (uint64_t to = 1; to < 32; ++to) {
      std::vector<NodeId> before;
      std::vector<NodeId> target;
      for (uint64_t node = 0; node < 5; ++node) {
        if ((from >> node & 1) != 0) before.emplace_back(node + 1);
        if ((to >> node & 1) != 0) target.emplace_back(node + 1);
      }
      raft::Configuration now = raft::Configuration::OfVoters(before);
      int steps = 0;
      while (const auto next = NextStep(now, target, before.front())) {
        ASSERT_TRUE(raft::CheckStep(now, *next)) << Describe(now) << " to " << Describe(*next);
        now = *next;
        ASSERT_LT(++steps, 20);
      }
      EXPECT_EQ(now, raft::Configuration::OfVoters(target));
    }
  }
}

TEST(NextStep, TheLeaderGoesLast) {
  const auto next = NextStep(raft::Configuration::OfVoters(Ids({1, 2, 3})), Ids({3}), NodeId(1));
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, raft::Configuration::OfVoters(Ids({1, 3})));
}

TEST(Membership, OneBecomesThree) {
  Cluster cluster(3);
  cluster.Create({1});
  cluster.Leader();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(cluster.Put(1, "key" + std::to_string(i), "x"));
  for (uint64_t id = 2; id <= 3; ++id) {
    cluster.engine(id).CreateGroup(kGroup, raft::WriteAck::kMajority, {},
                                   [](const Status& s) { EXPECT_TRUE(s); });
  }
  cluster.Run(10);
  ASSERT_TRUE(cluster.engine(1).SetVoters(kGroup, Ids({1, 2, 3})));
  EXPECT_TRUE(cluster.RunUntil([&] {
    const auto status = cluster.engine(1).Look(kGroup);
    return status->members.size() == 3 && status->target.empty();
  }));
  // Now any one may die.
  cluster.node(1).Crash();
  const uint64_t leader = cluster.Leader();
  ASSERT_NE(leader, 0u);
  EXPECT_EQ(*cluster.Get(leader, ReadMode::kReadIndex, "key49"), "x");
}

TEST(Membership, AReplicaMovesToAnotherNode) {
  Cluster cluster(4);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  ASSERT_TRUE(cluster.Put(leader, "key", "x"));
  const uint64_t leaves = leader % 3 + 1;
  std::vector<uint64_t> target;
  for (uint64_t id = 1; id <= 4; ++id) {
    if (id != leaves) target.push_back(id);
  }
  cluster.engine(4).CreateGroup(kGroup, raft::WriteAck::kMajority, {}, [](const Status&) {});
  cluster.Run(10);
  ASSERT_TRUE(cluster.engine(leader).SetVoters(kGroup, Ids(target)));
  ASSERT_TRUE(
      cluster.RunUntil([&] { return cluster.engine(leader).Look(kGroup)->target.empty(); }));
  std::optional<bool> gone;
  cluster.engine(leaves).DestroyGroup(kGroup, [&](const Status& s) { gone = s.has_value(); });
  ASSERT_TRUE(cluster.RunUntil([&] { return gone.has_value(); }));
  EXPECT_TRUE(*gone);
  EXPECT_EQ(cluster.Stored(leaves, "key"), std::nullopt);
  EXPECT_EQ(cluster.Stored(4, "key"), "x");
  EXPECT_FALSE(cluster.engine(leaves).Look(kGroup));
  cluster.node(leaves).Crash();
  cluster.node(leaves).Start();
  ASSERT_EQ(cluster.node(leaves).fatal(), "");
  EXPECT_FALSE(cluster.engine(leaves).Look(kGroup));
}

TEST(Lifecycle, WhoComesBackRemembersItsVote) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  cluster.Leader();
  cluster.Run(1'000);
  const raft::Term term = cluster.engine(1).Look(kGroup)->term;
  ASSERT_GT(term, raft::Term(0));
  std::optional<bool> done;
  cluster.engine(1).DestroyGroup(kGroup, [&](const Status& s) { done = s.has_value(); });
  ASSERT_TRUE(cluster.RunUntil([&] { return done.has_value(); }));
  cluster.engine(1).CreateGroup(kGroup, raft::WriteAck::kMajority, {}, [](const Status&) {});
  cluster.Isolate(1);
  cluster.Run(10);
  EXPECT_GE(cluster.engine(1).Look(kGroup)->term, term);
  cluster.node(1).Crash();
  cluster.node(1).Start();
  EXPECT_GE(cluster.engine(1).Look(kGroup)->term, term);
}

}  // namespace
}  // namespace metaring::strong
