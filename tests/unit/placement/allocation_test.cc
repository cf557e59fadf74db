// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/allocation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "kvnode/base/random.h"
#include "kvnode/placement/balance.h"
#include "tests/unit/placement/maps.h"

namespace metaring::placement {
namespace {

// What README.md promises.
constexpr double kLoadMax = 1.15;   // against what is fair; of replicas and of primaries
constexpr double kMovedMax = 1.20;  // against 1/n, or the least that fair loads allow

// A cluster that changes, and what the last change did.
class Cluster {
 public:
  explicit Cluster(ClusterMap map) : map_(std::move(map)), ring_(map_) {}

  const ClusterMap& map() const { return map_; }
  const Ring& ring() const { return ring_; }
  size_t size() const {
    return static_cast<size_t>(std::count_if(map_.nodes.begin(), map_.nodes.end(),
                                             [](const auto& node) { return node.TakesTokens(); }));
  }

  void Join(std::string rack = "", uint32_t weight = kWeightDefault) {
    ClusterMap next = map_;
    next.nodes.push_back(NodeOf(map_.nodes.size() + 1, std::move(rack), weight));
    next.nodes.back().state = NodeState::kJoining;
    Become(std::move(next));
  }
  void Leave(NodeId id) {
    ClusterMap next = map_;
    for (ClusterNode& node : next.nodes) {
      if (node.id == id) node.state = NodeState::kLeaving;
    }
    Become(std::move(next));
  }
  void SetWeight(NodeId id, uint32_t weight) {
    ClusterMap next = map_;
    for (ClusterNode& node : next.nodes) {
      if (node.id == id) node.weight = weight;
    }
    Become(std::move(next));
  }
  // Of the racks that have the most nodes one at random leaves.
  void LeaveOne(Random& random) {
    std::map<std::string, std::vector<NodeId>> racks;
    for (const ClusterNode& node : map_.nodes) {
      if (node.TakesTokens()) racks[node.rack].push_back(node.id);
    }
    size_t most = 0;
    for (const auto& [rack, nodes] : racks) most = std::max(most, nodes.size());
    std::vector<NodeId> able;
    for (const auto& [rack, nodes] : racks) {
      if (nodes.size() == most) able.insert(able.end(), nodes.begin(), nodes.end());
    }
    Leave(able[random.Below(able.size())]);
  }

  Imbalance Loads() const { return ImbalanceOf(LoadsOf(map_, ring_, kBalancedReplicas)); }
  double moved() const { return moved_; }
  double moved_max() const { return moved_max_; }

 private:
  void Become(ClusterMap next) {
    const size_t before = size();
    next.epoch = map_.epoch + 1;
    next.tokens = AllocateTokens(next);
    ASSERT_TRUE(ValidateChange(map_, next));
    Ring ring(next);
    const double least = LeastMovedFraction(map_, next, kBalancedReplicas);
    moved_ = MovedFraction(ring_, ring, kBalancedReplicas);
    map_ = std::move(next);
    ring_ = std::move(ring);
    moved_max_ = kMovedMax * std::max(least, 1.0 / double(std::max(before, size())));
  }

  ClusterMap map_;
  Ring ring_;
  double moved_ = 0;
  double moved_max_ = 0;
};

void ExpectPromise(const Cluster& cluster, const std::string& what) {
  const Imbalance loads = cluster.Loads();
  EXPECT_LE(loads.replicas, kLoadMax) << what;
  EXPECT_LE(loads.primaries, kLoadMax) << what;
  EXPECT_LE(cluster.moved(), cluster.moved_max()) << what;
}

std::string RackOf(uint64_t i, uint32_t racks) {
  return racks == 0 ? "" : "rack-" + std::to_string(i % racks);
}

TEST(AllocateTokens, GivesEverySlotAToken) {
  const ClusterMap map = Allocated(64, 3);
  EXPECT_TRUE(ValidateMap(map));
  ASSERT_EQ(map.tokens.size(), 64U);
}

TEST(AllocateTokens, OfNoNodeIsNothing) {
  EXPECT_TRUE(AllocateTokens(MapOf(64, {})).empty());
  ClusterMap map = MapOf(64, {NodeOf(1, "", 0), NodeOf(2)});
  map.nodes[1].state = NodeState::kRemoved;
  EXPECT_TRUE(AllocateTokens(map).empty());
}

TEST(AllocateTokens, TheOrderOfNodesDoesNotMatter) {
  for (const uint32_t racks : {0U, 2U, 3U, 5U}) {
    ClusterMap map = Allocated(256, 12, racks);
    map.nodes.push_back(NodeOf(13, RackOf(13, racks)));
    ClusterMap shuffled = map;
    std::reverse(shuffled.nodes.begin(), shuffled.nodes.end());
    EXPECT_EQ(AllocateTokens(map), AllocateTokens(shuffled));
  }
}

TEST(AllocateTokens, WithoutAChangeNothingMoves) {
  for (const uint32_t racks : {0U, 2U, 3U, 4U, 5U, 8U}) {
    for (const uint32_t nodes : {1U, 2U, 3U, 4U, 7U, 16U, 60U}) {
      const ClusterMap map = Allocated(1024, nodes, racks);
      EXPECT_EQ(AllocateTokens(map), map.tokens) << nodes << " nodes, " << racks << " racks";
    }
  }
}

TEST(AllocateTokens, OnlyNodesThatTakeTokensGetThem) {
  ClusterMap map = MapOf(64, {NodeOf(1), NodeOf(2), NodeOf(3), NodeOf(4, "", 0)});
  map.nodes[0].state = NodeState::kLeaving;
  map.nodes[1].state = NodeState::kJoining;
  map.tokens = AllocateTokens(map);
  std::set<NodeId> owners;
  for (const Token& token : map.tokens) owners.insert(token.node);
  EXPECT_EQ(owners, std::set<NodeId>({NodeId(2), NodeId(3)}));
}

TEST(AllocateTokens, WithFewerSlotsThanNodesSlotsHaveDistinctReplicas) {
  Cluster cluster(Allocated(16, 40, 4));
  EXPECT_EQ(cluster.ring().node_count(), 16U);
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    i % 2 == 0 ? cluster.LeaveOne(random) : cluster.Join(RackOf(static_cast<uint64_t>(i), 4));
    EXPECT_EQ(cluster.ring().ring_size(), 16U);
    EXPECT_EQ(cluster.ring().EffectiveReplicas(3), 3U);
  }
}

TEST(AllocateTokens, OneSlotIsEnoughToStart) {
  Cluster cluster(Allocated(1, 1));
  cluster.Join();
  cluster.Join();
  EXPECT_EQ(cluster.map().tokens.size(), 1U);
  cluster.Leave(cluster.map().tokens[0].node);
  EXPECT_EQ(cluster.map().tokens.size(), 1U);
}

TEST(AllocationBalance, HoldsFromNothing) {
  for (const uint32_t racks : {0U, 2U, 3U, 4U, 5U, 8U}) {
    for (uint32_t nodes = 1; nodes <= 64; ++nodes) {
      const Cluster cluster(Allocated(1024, nodes, racks));
      ExpectPromise(cluster, std::to_string(nodes) + " in racks " + std::to_string(racks));
    }
  }
}

// In turn to every rack and back, so that racks never differ by more than one node.
void GrowAndShrink(uint32_t ring_size, size_t nodes_max, uint32_t racks) {
  Cluster cluster(Allocated(ring_size, 1, racks));
  for (uint64_t id = 2; id <= nodes_max; ++id) {
    cluster.Join(RackOf(id, racks));
    ExpectPromise(cluster, "join of " + std::to_string(id) + " in racks " + std::to_string(racks));
  }
  Random random(racks);
  while (cluster.size() > 1) {
    cluster.LeaveOne(random);
    ExpectPromise(cluster, "leave to " + std::to_string(cluster.size()) + " in racks " +
                               std::to_string(racks));
  }
}

TEST(AllocationBalance, HoldsWhileAClusterGrowsAndShrinksWithoutRacks) {
  GrowAndShrink(1024, 64, 0);
}
TEST(AllocationBalance, HoldsWhileAClusterGrowsAndShrinksInTwoRacks) {
  GrowAndShrink(1024, 64, 2);
}
TEST(AllocationBalance, HoldsWhileAClusterGrowsAndShrinksInThreeRacks) {
  GrowAndShrink(1024, 64, 3);
}
TEST(AllocationBalance, HoldsWhileAClusterGrowsAndShrinksInFiveRacks) {
  GrowAndShrink(1024, 64, 5);
}

TEST(AllocationBalance, HoldsUnderRandomJoinsAndLeaves) {
  for (const uint32_t racks : {0U, 3U, 4U}) {
    Random random(100 + racks);
    Cluster cluster(Allocated(1024, 24, racks));
    uint64_t joined = 24;
    for (int i = 0; i < 300; ++i) {
      const size_t nodes = cluster.size();
      const bool joins = nodes <= 5 || (nodes < 64 && random.OneIn(2));
      joins ? cluster.Join(RackOf(++joined, racks)) : cluster.LeaveOne(random);
      ExpectPromise(cluster, "step " + std::to_string(i) + " in racks " + std::to_string(racks));
    }
  }
}

TEST(AllocationBalance, FollowsWeights) {
  ClusterMap map = MapOf(4096, {});
  for (uint64_t id = 1; id <= 40; ++id) {
    map.nodes.push_back(NodeOf(id, "", id % 4 == 0 ? 200 : 100));
  }
  map.tokens = AllocateTokens(map);
  Cluster cluster(map);
  ExpectPromise(cluster, "from nothing");
  const auto loads = LoadsOf(cluster.map(), cluster.ring(), kBalancedReplicas);
  EXPECT_DOUBLE_EQ(loads[3].fair_replicas, 2 * loads[0].fair_replicas);
  cluster.Join("", 300);
  ExpectPromise(cluster, "a heavy node joins");
  cluster.SetWeight(NodeId(7), 200);
  ExpectPromise(cluster, "a node becomes heavier");
  cluster.SetWeight(NodeId(8), 50);
  ExpectPromise(cluster, "a node becomes lighter");
  cluster.SetWeight(NodeId(8), 0);
  ExpectPromise(cluster, "a node is emptied");
  EXPECT_TRUE(cluster.ring().SlotsOf(NodeId(8), kReplicasMax).empty());
  cluster.Leave(NodeId(4));
  ExpectPromise(cluster, "a heavy node leaves");
}

TEST(AllocationBalance, ANodeOfMoreWeightThanAReplicasShareHoldsEverySlot) {
  ClusterMap map = MapOf(1024, {NodeOf(1, "", 1000), NodeOf(2), NodeOf(3), NodeOf(4), NodeOf(5)});
  map.tokens = AllocateTokens(map);
  const Cluster cluster(map);
  ExpectPromise(cluster, "one heavy node");
  const auto loads = LoadsOf(cluster.map(), cluster.ring(), kBalancedReplicas);
  EXPECT_GE(loads[0].replicas, 1000U);
}

// The rule of racks comes before weights: the one node of the third rack gets a replica of every
// slot, because the others are in two racks. No allocation can do otherwise. That must move 1/3,
// and because from then on lists are of racks, not of nodes, some more.
TEST(AllocationBalance, ANewThirdRackHoldsEverySlot) {
  Cluster cluster(Allocated(1024, 8, 2));
  const ClusterMap before = cluster.map();
  cluster.Join("third");
  const auto loads = LoadsOf(cluster.map(), cluster.ring(), kBalancedReplicas);
  EXPECT_EQ(loads.back().replicas, 1024U);
  EXPECT_LE(cluster.Loads().replicas, kLoadMax);
  EXPECT_LE(cluster.Loads().primaries, kLoadMax);
  EXPECT_NEAR(LeastMovedFraction(before, cluster.map(), 3), 1.0 / 3, 1e-9);
  EXPECT_LE(cluster.moved(), 0.5);
}

TEST(AllocationBalance, HoldsInRacksOfUnequalSize) {
  for (const std::vector<int>& sizes : {std::vector<int>{6, 3, 1}, {9, 2, 2, 1}, {2, 4, 6, 8}}) {
    ClusterMap map = MapOf(1024, {});
    for (size_t rack = 0; rack < sizes.size(); ++rack) {
      for (int i = 0; i < sizes[rack]; ++i) {
        map.nodes.push_back(NodeOf(map.nodes.size() + 1, "rack-" + std::to_string(rack)));
      }
    }
    map.tokens = AllocateTokens(map);
    Cluster cluster(map);
    ExpectPromise(cluster, "from nothing");
    for (size_t rack = 0; rack < sizes.size(); ++rack) {
      cluster.Join("rack-" + std::to_string(rack));
      ExpectPromise(cluster, "a join in rack " + std::to_string(rack));
    }
  }
}

// A slot's next replica takes over for one that fails: its primaries must not all fall to one node.
TEST(AllocationBalance, TheSlotsOfAFailedNodeFallToManyOthers) {
  for (const uint32_t nodes : {3U, 5U, 16U}) {
    const ClusterMap map = Allocated(1024, nodes);
    const Ring ring(map);
    for (const ClusterNode& failed : map.nodes) {
      std::map<NodeId, size_t> heirs;
      const auto slots = ring.SlotsOf(failed.id, 1);
      for (const SlotId slot : slots) ++heirs[ring.ReplicasOf(slot, 2)[1]];
      EXPECT_GE(heirs.size(), nodes - nodes / 4 - 1);
      for (const auto& [heir, count] : heirs) EXPECT_LE(count, slots.size() * 3 / (nodes - 1));
    }
  }
}

// Not a matter of compatibility, as tokens are stored; but a change should be meant.
TEST(AllocateTokens, NeverChangesUnnoticed) {
  Bytes owners;
  const auto append = [&owners](const ClusterMap& map) {
    for (const Token& token : map.tokens) AppendLittleU64(owners, token.node.value());
  };
  for (const uint32_t racks : {0U, 2U, 3U, 5U}) {
    Cluster cluster(Allocated(512, 9, racks));
    append(cluster.map());
    cluster.Join(RackOf(10, racks), 150);
    append(cluster.map());
    cluster.Leave(NodeId(2));
    append(cluster.map());
  }
  EXPECT_EQ(Xxh3(owners), 1895328760201172794U);
}

}  // namespace
}  // namespace metaring::placement
