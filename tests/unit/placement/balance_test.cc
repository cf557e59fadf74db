// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/balance.h"

#include <gtest/gtest.h>

#include "tests/unit/placement/maps.h"

namespace metaring::placement {
namespace {

ClusterMap SmallMap(const std::vector<uint64_t>& owners) {
  ClusterMap map = MapOf(static_cast<uint32_t>(owners.size()), {});
  for (uint64_t id = 4; id >= 1; --id) map.nodes.push_back(NodeOf(id));
  for (size_t i = 0; i < owners.size(); ++i) {
    map.tokens.push_back({SlotId(static_cast<uint16_t>(i)), NodeId(owners[i])});
  }
  return map;
}

TEST(LoadsOf, CountsReplicasAndPrimariesById) {
  const ClusterMap map = SmallMap({1, 2, 3, 1});
  const auto loads = LoadsOf(map, Ring(map), 2);
  ASSERT_EQ(loads.size(), 4U);
  EXPECT_EQ(loads[0].node, NodeId(1));
  EXPECT_EQ(loads[0].primaries, 2U);
  EXPECT_EQ(loads[0].replicas, 3U);  // of slots 0, 2 and 3
  EXPECT_EQ(loads[1].replicas, 3U);  // of slots 0, 1 and 3
  EXPECT_EQ(loads[2].replicas, 2U);
  EXPECT_EQ(loads[3].replicas, 0U);
  EXPECT_DOUBLE_EQ(loads[3].fair_replicas, 2);
  EXPECT_DOUBLE_EQ(loads[3].fair_primaries, 1);
  const Imbalance imbalance = ImbalanceOf(loads);
  EXPECT_DOUBLE_EQ(imbalance.replicas, 1.5);
  EXPECT_DOUBLE_EQ(imbalance.primaries, 2);
}

TEST(MovedFraction, CountsReplicasThatGetAnotherNode) {
  const Ring ring(SmallMap({1, 2, 3, 4}));
  EXPECT_DOUBLE_EQ(MovedFraction(ring, ring, 3), 0);
  // Slots 1 and 2 trade node 3 for node 1; slot 3 has nobody new.
  EXPECT_DOUBLE_EQ(MovedFraction(ring, Ring(SmallMap({1, 2, 1, 4})), 2), 2.0 / 8);
}

TEST(MovedFraction, IsOfTheRingWithMoreReplicas) {
  const Ring one(Allocated(64, 1));
  const Ring three(Allocated(64, 3));
  EXPECT_DOUBLE_EQ(MovedFraction(one, three, 3), 2.0 / 3);
  EXPECT_DOUBLE_EQ(MovedFraction(three, one, 3), 0);
}

TEST(LeastMovedFraction, IsTheShareOfWhoJoins) {
  EXPECT_DOUBLE_EQ(LeastMovedFraction(Allocated(64, 4), Allocated(64, 5), 3), 1.0 / 5);
  EXPECT_DOUBLE_EQ(LeastMovedFraction(Allocated(64, 5), Allocated(64, 4), 3), 1.0 / 5);
}

}  // namespace
}  // namespace metaring::placement
