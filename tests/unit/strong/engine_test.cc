// SPDX-License-Identifier: Apache-2.0
//
// What one engine and three promise: writes, reads, failover, restarts.
#include <gtest/gtest.h>

#include "tests/unit/strong/cluster.h"

namespace metaring::strong {
namespace {

ErrorCode CodeOf(const auto& result) {
  return result ? ErrorCode{} : result.error().code;
}

TEST(EngineAlone, WritesAndReads) {
  Cluster cluster(1);
  cluster.Create({1});
  ASSERT_EQ(cluster.Leader(), 1u);
  const auto put = cluster.Put(1, "key", "value");
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_TRUE(put->succeeded);
  for (const ReadMode mode : {ReadMode::kLease, ReadMode::kReadIndex, ReadMode::kStale}) {
    const auto got = cluster.Get(1, mode, "key");
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, "value");
  }
}

TEST(EngineAlone, LeadsWithoutWaitingForAnElectionTimeout) {
  Cluster cluster(1);
  cluster.Create({1});
  cluster.Run(5);
  EXPECT_EQ(cluster.engine(1).Look(kGroup)->role, raft::Role::kLeader);
}

TEST(EngineAlone, AnswersNothingBeforeItIsDurable) {
  Cluster cluster(1);
  cluster.Create({1});
  cluster.Leader();
  cluster.node(1).syncs_held = true;
  bool answered = false;
  cluster.engine(1).Propose(kGroup, PutCommand("key", "value"), log::SpaceUse::kNormal,
                            [&](const auto&) { answered = true; });
  cluster.Run(1'000);
  EXPECT_FALSE(answered);
  EXPECT_EQ(cluster.Stored(1, "key"), std::nullopt);
  cluster.node(1).syncs_held = false;
  cluster.Run(10);
  EXPECT_TRUE(answered);
}

TEST(EngineAlone, KeepsWhatItAcknowledged) {
  for (const bool lose_store : {false, true}) {
    Cluster cluster(1);
    cluster.Create({1});
    cluster.Leader();
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(cluster.Put(1, "key" + std::to_string(i), std::to_string(i)));
    }
    cluster.node(1).Crash(lose_store);
    cluster.node(1).Start();
    ASSERT_EQ(cluster.node(1).fatal(), "");
    ASSERT_EQ(cluster.Leader(), 1u);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(*cluster.Get(1, ReadMode::kReadIndex, "key" + std::to_string(i)),
                std::to_string(i));
    }
    ASSERT_TRUE(cluster.Put(1, "more", "x"));
  }
}

TEST(EngineAlone, RefusesACommandOfAnotherSlot) {
  Cluster cluster(1);
  cluster.Create({1});
  cluster.Leader();
  std::optional<ErrorCode> code;
  cluster.engine(1).Propose(kGroup, PutCommand("key", "value", {SlotId(9), KeyspaceId(5)}),
                            log::SpaceUse::kNormal, [&](const auto& r) { code = CodeOf(r); });
  cluster.Run(10);
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
}

TEST(EngineAlone, EndsEveryCallbackOnce) {
  Cluster cluster(1);
  cluster.Create({1});
  cluster.Leader();
  cluster.node(1).syncs_held = true;
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    cluster.engine(1).Propose(kGroup, PutCommand("key", "value"), log::SpaceUse::kNormal,
                              [&](const auto& result) {
                                EXPECT_EQ(CodeOf(result), ErrorCode::kUnknownOutcome);
                                ++calls;
                              });
  }
  cluster.engine(1).Propose(GroupId(99), "x", log::SpaceUse::kNormal, [&](const auto& result) {
    EXPECT_EQ(CodeOf(result), ErrorCode::kUnavailable);
    ++calls;
  });
  EXPECT_EQ(calls, 0);
  cluster.node(1).Crash();
  EXPECT_EQ(calls, 4);
}

TEST(EngineTrio, ReplicatesToAll) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  ASSERT_NE(leader, 0u);
  ASSERT_TRUE(cluster.Put(leader, "key", "value"));
  cluster.Run(1'000);
  for (uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(cluster.Stored(id, "key"), "value");
}

TEST(EngineTrio, RefusesAtAFollowerAndSaysWhoLeads) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  cluster.Run(500);
  const uint64_t follower = leader % 3 + 1;
  EXPECT_EQ(CodeOf(cluster.Put(follower, "key", "value")), ErrorCode::kUnavailable);
  EXPECT_EQ(cluster.engine(follower).reads().Leader(kGroup), NodeId(leader));
}

TEST(EngineTrio, ServesReadsByLeaseWithoutAMessage) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  ASSERT_TRUE(cluster.Put(leader, "key", "value"));
  cluster.Run(2'000);
  const uint64_t before = cluster.messages;
  std::optional<ReadTicket> ticket;
  cluster.engine(leader).Read(kGroup, ReadMode::kLease, [&](const auto& r) { ticket = *r; });
  cluster.time.Run(1);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->mode, ReadMode::kLease);
  EXPECT_EQ(cluster.messages, before);
}

TEST(EngineTrio, AnIsolatedLeaderServesNoRead) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  cluster.Run(2'000);
  const raft::LogIndex applied = cluster.engine(leader).reads().Applied(kGroup);
  const ReadTicket ticket{kGroup, ReadMode::kLease, {}};
  ASSERT_EQ(cluster.engine(leader).reads().Judge(ticket, applied), raft::ReadVerdict::kServe);
  cluster.Isolate(leader);
  cluster.Run(1'100);
  EXPECT_NE(cluster.engine(leader).reads().Judge(ticket, applied), raft::ReadVerdict::kServe);
  EXPECT_EQ(CodeOf(cluster.Get(leader, ReadMode::kReadIndex, "key")), ErrorCode::kUnavailable);
}

TEST(EngineTrio, GoesOnWhenTheLeaderDies) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t first = cluster.Leader();
  ASSERT_TRUE(cluster.Put(first, "key", "1"));
  cluster.node(first).Crash();
  const uint64_t second = cluster.Leader();
  ASSERT_NE(second, 0u);
  ASSERT_NE(second, first);
  EXPECT_EQ(*cluster.Get(second, ReadMode::kReadIndex, "key"), "1");
  ASSERT_TRUE(cluster.Put(second, "key", "2"));
  cluster.node(first).Start();
  cluster.Run(5'000);
  EXPECT_EQ(cluster.Stored(first, "key"), "2");
}

TEST(EngineTrio, SurvivesTheDeathOfAll) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  uint64_t leader = cluster.Leader();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(cluster.Put(leader, "key" + std::to_string(i), std::to_string(i)));
  }
  for (uint64_t id = 1; id <= 3; ++id) cluster.node(id).Crash(true);
  for (uint64_t id = 1; id <= 3; ++id) cluster.node(id).Start();
  leader = cluster.Leader();
  ASSERT_NE(leader, 0u);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(*cluster.Get(leader, ReadMode::kReadIndex, "key" + std::to_string(i)),
              std::to_string(i));
  }
}

TEST(EngineTrio, HandsOver) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  cluster.Run(1'000);
  const uint64_t target = leader % 3 + 1;
  ASSERT_TRUE(cluster.engine(leader).TransferLeadership(kGroup, NodeId(target)));
  EXPECT_TRUE(cluster.RunUntil(
      [&] { return cluster.engine(target).Look(kGroup)->role == raft::Role::kLeader; }, 100));
}

TEST(EngineTrio, SaysUnknownWhenLeadershipEndsFirst) {
  Cluster cluster(3);
  cluster.Create({1, 2, 3});
  const uint64_t leader = cluster.Leader();
  cluster.Run(1'000);
  cluster.Isolate(leader);
  EXPECT_EQ(CodeOf(cluster.Put(leader, "key", "value")), ErrorCode::kUnknownOutcome);
}

TEST(EngineTrio, IdleGroupsAreSilentButForOneHeartbeatANodePair) {
  Cluster cluster(3);
  for (uint16_t slot = 0; slot < 50; ++slot) {
    cluster.Create({1, 2, 3}, GroupOf(ClassId(1), SlotId(slot)));
  }
  cluster.Run(10'000);
  const uint64_t before = cluster.messages;
  cluster.Run(10'000);
  // Six directed pairs at most, three heartbeats a second and as many answers, at most both ways.
  EXPECT_LE(cluster.messages - before, 10u * 3 * 6 * 2 + 24);
  EXPECT_GT(cluster.messages, before);
}

}  // namespace
}  // namespace metaring::strong
