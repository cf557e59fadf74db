// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "kvnode/base/random.h"
#include "tests/unit/placement/maps.h"

namespace metaring::placement {
namespace {

using Ids = std::vector<uint64_t>;

// A ring of as many slots as `owners`, each with a token of that node (0: none).
Ring RingOf(std::vector<ClusterNode> nodes, const std::vector<uint64_t>& owners) {
  ClusterMap map = MapOf(static_cast<uint32_t>(owners.size()), std::move(nodes));
  for (size_t i = 0; i < owners.size(); ++i) {
    if (owners[i] != 0) map.tokens.push_back({SlotId(static_cast<uint16_t>(i)), NodeId(owners[i])});
  }
  EXPECT_TRUE(ValidateMap(map));
  return Ring(map);
}

Ids ListOf(const Ring& ring, uint16_t slot, uint32_t replicas) {
  return IdsOf(ring.ReplicasOf(SlotId(slot), replicas));
}

TEST(Ring, TakesTheNextDistinctNodesClockwise) {
  const Ring ring = RingOf({NodeOf(1), NodeOf(2), NodeOf(3)}, {1, 1, 2, 1, 0, 3});
  EXPECT_EQ(ListOf(ring, 0, 3), Ids({1, 2, 3}));
  EXPECT_EQ(ListOf(ring, 2, 3), Ids({2, 1, 3}));
  EXPECT_EQ(ListOf(ring, 4, 3), Ids({3, 1, 2}));
  EXPECT_EQ(ListOf(ring, 5, 2), Ids({3, 1}));
}

TEST(Ring, OneNodeIsItsOwnSuccessor) {
  const Ring ring = RingOf({NodeOf(4)}, {0, 0, 4, 0});
  for (uint16_t slot = 0; slot < 4; ++slot) EXPECT_EQ(ListOf(ring, slot, 3), Ids({4}));
  EXPECT_EQ(ring.EffectiveReplicas(3), 1U);
  EXPECT_EQ(ring.node_count(), 1U);
}

TEST(Ring, WithoutTokensHasEmptyLists) {
  const Ring ring = RingOf({NodeOf(4)}, {0, 0});
  EXPECT_TRUE(ring.ReplicasOf(SlotId(1), 3).empty());
  EXPECT_EQ(ring.EffectiveReplicas(3), 0U);
}

TEST(Ring, TakesDistinctRacksFirst) {
  const Ring ring =
      RingOf({NodeOf(1, "a"), NodeOf(2, "a"), NodeOf(3, "b"), NodeOf(4, "c")}, {1, 2, 3, 4});
  EXPECT_EQ(ListOf(ring, 0, 3), Ids({1, 3, 4}));
  EXPECT_EQ(ListOf(ring, 0, 4), Ids({1, 3, 4, 2}));
  EXPECT_EQ(ListOf(ring, 1, 3), Ids({2, 3, 4}));
}

TEST(Ring, WithFewerRacksThanReplicasFillsRacksEvenly) {
  // Clockwise of slot 0 come three more nodes of rack a before the second one of rack b.
  const Ring ring = RingOf({NodeOf(1, "a"), NodeOf(2, "a"), NodeOf(3, "a"), NodeOf(4, "a"),
                            NodeOf(5, "b"), NodeOf(6, "b"), NodeOf(7, "c")},
                           {1, 2, 3, 4, 5, 7, 6});
  EXPECT_EQ(ListOf(ring, 0, 5), Ids({1, 5, 7, 2, 6}));
  EXPECT_EQ(ListOf(ring, 0, 7), Ids({1, 5, 7, 2, 6, 3, 4}));
}

TEST(Ring, NodesWithoutARackAreInOneRackTogether) {
  const Ring ring = RingOf({NodeOf(1), NodeOf(2), NodeOf(3, "a")}, {1, 2, 3});
  EXPECT_EQ(ListOf(ring, 0, 2), Ids({1, 3}));
}

TEST(Ring, SlotsOfAreThoseOfTheLists) {
  const Ring ring = RingOf({NodeOf(1), NodeOf(2), NodeOf(3)}, {1, 2, 3, 0});
  EXPECT_EQ(ring.SlotsOf(NodeId(1), 1), std::vector<SlotId>({SlotId(0), SlotId(3)}));
  EXPECT_EQ(ring.SlotsOf(NodeId(1), 2), std::vector<SlotId>({SlotId(0), SlotId(2), SlotId(3)}));
  EXPECT_EQ(ring.SlotsOf(NodeId(9), 3), std::vector<SlotId>());
}

TEST(Ring, FindsTheSlotOfAKey) {
  const Ring ring = RingOf({NodeOf(1)}, {1, 0, 0, 0});
  EXPECT_EQ(ring.SlotOf(Placement::kKey, "k"), SlotOf(Placement::kKey, "k", 4));
}

// Up to 40 nodes in up to 6 racks with random tokens, which no allocation would make.
ClusterMap RandomMap(Random& random) {
  ClusterMap map = MapOf(1 + static_cast<uint32_t>(random.Below(300)), {});
  const uint64_t nodes = 1 + random.Below(40);
  const uint64_t racks = 1 + random.Below(6);
  for (uint64_t i = 1; i <= nodes; ++i) {
    map.nodes.push_back(NodeOf(i * 17 % 101, "r" + std::to_string(random.Below(racks))));
  }
  for (uint32_t slot = 0; slot < map.ring_size; ++slot) {
    if (random.OneIn(3)) continue;
    map.tokens.push_back({SlotId(static_cast<uint16_t>(slot)), map.nodes[random.Below(nodes)].id});
  }
  EXPECT_TRUE(ValidateMap(map));
  return map;
}

struct Facts {
  std::map<NodeId, std::string> rack_of;      // of nodes with tokens
  std::map<std::string, uint32_t> rack_size;  // the same
};

Facts FactsOf(const ClusterMap& map) {
  Facts facts;
  for (const Token& token : map.tokens) {
    if (facts.rack_of.emplace(token.node, FindNode(map, token.node)->rack).second) {
      ++facts.rack_size[facts.rack_of[token.node]];
    }
  }
  return facts;
}

TEST(RingOfRandomMaps, ListsAreOfDistinctNodesAndRacksAsFarAsPossible) {
  Random random(20240611);
  for (int round = 0; round < 300; ++round) {
    const ClusterMap map = RandomMap(random);
    const Facts facts = FactsOf(map);
    const Ring ring(map);
    const auto replicas = 1 + static_cast<uint32_t>(random.Below(kReplicasMax));
    const size_t expected = std::min<size_t>(replicas, facts.rack_of.size());
    for (uint16_t slot = 0; slot < map.ring_size; ++slot) {
      const auto list = ring.ReplicasOf(SlotId(slot), replicas);
      ASSERT_EQ(list.size(), expected);
      ASSERT_EQ(std::set<NodeId>(list.begin(), list.end()).size(), expected);
      std::map<std::string, uint32_t> used;
      for (const NodeId node : list) ++used[facts.rack_of.at(node)];
      ASSERT_EQ(used.size(), std::min<size_t>(expected, facts.rack_size.size()));
      uint32_t most = 0;
      for (const auto& [rack, count] : used) most = std::max(most, count);
      for (const auto& [rack, size] : facts.rack_size) {
        ASSERT_GE(used[rack] + 1, std::min(most, size + 1)) << "rack " << rack;
      }
    }
  }
}

TEST(RingOfRandomMaps, ListsBeginWithTheNodeOfTheNextToken) {
  Random random(7);
  for (int round = 0; round < 100; ++round) {
    const ClusterMap map = RandomMap(random);
    if (map.tokens.empty()) continue;
    const Ring ring(map);
    for (uint16_t slot = 0; slot < map.ring_size; ++slot) {
      const auto next =
          std::find_if(map.tokens.begin(), map.tokens.end(),
                       [slot](const Token& token) { return token.slot.value() >= slot; });
      const NodeId expected = next == map.tokens.end() ? map.tokens.front().node : next->node;
      ASSERT_EQ(ring.ReplicasOf(SlotId(slot), 1).front(), expected);
    }
  }
}

TEST(RingOfRandomMaps, AShorterListIsTheHeadOfALongerOne) {
  Random random(8);
  for (int round = 0; round < 50; ++round) {
    const ClusterMap map = RandomMap(random);
    const Ring ring(map);
    for (uint16_t slot = 0; slot < map.ring_size; ++slot) {
      const Ids all = ListOf(ring, slot, kReplicasMax);
      for (uint32_t n = 1; n <= kReplicasMax; ++n) {
        const Ids head(all.begin(), all.begin() + std::min<ptrdiff_t>(n, std::ssize(all)));
        ASSERT_EQ(ListOf(ring, slot, n), head);
      }
    }
  }
}

TEST(RingOfRandomMaps, TheOrderOfNodesDoesNotMatter) {
  Random random(9);
  for (int round = 0; round < 50; ++round) {
    const ClusterMap map = RandomMap(random);
    ClusterMap shuffled = map;
    for (size_t i = shuffled.nodes.size(); i > 1; --i) {
      std::swap(shuffled.nodes[i - 1], shuffled.nodes[random.Below(i)]);
    }
    const Ring ring(map);
    const Ring other(shuffled);
    for (uint16_t slot = 0; slot < map.ring_size; ++slot) {
      ASSERT_EQ(ListOf(ring, slot, kReplicasMax), ListOf(other, slot, kReplicasMax));
    }
  }
}

// Nodes and clients of different versions must find the same replicas by the same map.
TEST(Ring, NeverChanges) {
  Random random(1);
  Bytes lists;
  for (int round = 0; round < 20; ++round) {
    const ClusterMap map = RandomMap(random);
    const Ring ring(map);
    for (uint16_t slot = 0; slot < map.ring_size; ++slot) {
      for (const uint64_t id : ListOf(ring, slot, kReplicasMax)) AppendLittleU64(lists, id);
    }
  }
  EXPECT_EQ(Xxh3(lists), 8195988534906283551U);
}

}  // namespace
}  // namespace metaring::placement
