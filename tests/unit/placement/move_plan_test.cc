// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/move_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kvnode/placement/balance.h"
#include "tests/unit/placement/maps.h"

namespace metaring::placement {
namespace {

using Replicas = std::vector<std::vector<NodeId>>;

Replicas ReplicasIn(const Ring& ring, uint32_t replicas) {
  Replicas all;
  for (uint16_t slot = 0; slot < ring.ring_size(); ++slot) {
    const auto list = ring.ReplicasOf(SlotId(slot), replicas);
    all.emplace_back(list.begin(), list.end());
  }
  return all;
}

TEST(PlanMoves, WhatIsAsTheRingSaysNeedsNoMoveInAnyOrder) {
  const Ring ring(Allocated(64, 4));
  Replicas actual = ReplicasIn(ring, 3);
  for (auto& list : actual) std::reverse(list.begin(), list.end());
  const MovePlan plan = PlanMoves(ring, 3, actual);
  EXPECT_TRUE(plan.moves.empty());
  EXPECT_EQ(plan.adds, 0U);
  EXPECT_EQ(plan.drops, 0U);
}

TEST(PlanMoves, SaysOfEachSlotWhatToAddAndWhatToDrop) {
  ClusterMap map = MapOf(3, {NodeOf(1), NodeOf(2), NodeOf(3)});
  map.tokens = {{SlotId(0), NodeId(1)}, {SlotId(1), NodeId(2)}, {SlotId(2), NodeId(3)}};
  const Ring ring(map);
  const MovePlan plan =
      PlanMoves(ring, 2, {{NodeId(9), NodeId(8)}, {NodeId(3), NodeId(2)}, {NodeId(3), NodeId(2)}});
  ASSERT_EQ(plan.moves.size(), 2U);
  EXPECT_EQ(plan.moves[0], (SlotMove{SlotId(0), {NodeId(1), NodeId(2)}, {NodeId(9), NodeId(8)}}));
  EXPECT_EQ(plan.moves[1], (SlotMove{SlotId(2), {NodeId(1)}, {NodeId(2)}}));
  EXPECT_EQ(plan.adds, 3U);
  EXPECT_EQ(plan.drops, 3U);
}

TEST(PlanMoves, AfterItsMovesNothingIsLeft) {
  const Ring before(Allocated(128, 5, 3));
  const Ring after(Allocated(128, 9, 4));
  Replicas actual = ReplicasIn(before, 3);
  const MovePlan plan = PlanMoves(after, 3, actual);
  EXPECT_GT(plan.adds, 0U);
  for (const SlotMove& move : plan.moves) {
    auto& replicas = actual[move.slot.value()];
    for (const NodeId node : move.drop) std::erase(replicas, node);
    replicas.insert(replicas.end(), move.add.begin(), move.add.end());
    EXPECT_EQ(replicas.size(), 3U);
  }
  EXPECT_TRUE(PlanMoves(after, 3, actual).moves.empty());
  EXPECT_DOUBLE_EQ(double(plan.adds) / (3.0 * 128), MovedFraction(before, after, 3));
}

TEST(PlanMoves, AClusterThatGrowsToItsReplicasOnlyAdds) {
  const Ring one(Allocated(64, 1));
  const Ring three(Allocated(64, 3));
  const MovePlan plan = PlanMoves(three, 3, ReplicasIn(one, 3));
  EXPECT_EQ(plan.moves.size(), 64U);
  EXPECT_EQ(plan.adds, 128U);
  EXPECT_EQ(plan.drops, 0U);
}

}  // namespace
}  // namespace metaring::placement
