// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/cluster_map.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/placement/maps.h"

namespace metaring::placement {
namespace {

ClusterMap ValidMap() {
  ClusterMap map = MapOf(16, {NodeOf(7, "r1"), NodeOf(3, "r2"), NodeOf(5, "r1", 0)});
  map.tokens = {{SlotId(0), NodeId(3)}, {SlotId(9), NodeId(7)}};
  map.keyspaces.push_back({"ks", KeyspaceId(4), {}});
  return map;
}

using Spoil = std::function<void(ClusterMap&)>;

// What is said about the valid map when it was spoilt; "" when that is still valid.
std::string Refusal(const Spoil& spoil) {
  ClusterMap map = ValidMap();
  spoil(map);
  const Status status = ValidateMap(map);
  if (status) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  return status.error().message;
}

TEST(ValidateMap, AcceptsWhatIsValid) {
  EXPECT_EQ(Refusal([](ClusterMap&) {}), "");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.tokens.clear(); }), "");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].state = NodeState::kJoining; }), "");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[2].state = NodeState::kLeaving; }), "");
}

TEST(ValidateMap, NamesTheFieldOfTheCluster) {
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.cluster_id = "xyz"; }),
            "cluster_id \"xyz\" must be 32 hexadecimal digits");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.epoch = 0; }), "epoch is 0; it must be at least 1");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.ring_size = 0; }),
            "ring_size is 0; it must be 1 to 16384");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.ring_size = 16'385; }),
            "ring_size is 16385; it must be 1 to 16384");
}

TEST(ValidateMap, NamesTheFieldOfANode) {
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].id = NodeId(0); }),
            "node.id is 0; it must be 1 to 9223372036854775807");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[1].id = NodeId(7); }), "node.id 7 is there twice");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[1].name = "node-7"; }),
            "node 3: another one has the name \"node-7\"");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].weight = 10'001; }),
            "node 7: weight is 10001; the limit is 10000");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].state = NodeState(9); }),
            "node 7: state: there is no value 9");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].name = ""; }),
            "node 7: name has 0 bytes; it must be 1 to 255");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].rack = std::string(65, 'r'); }),
            "node 7: rack has 65 bytes; it must be 0 to 64");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].address = ""; }),
            "node 7: address has 0 bytes; it must be 1 to 320");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].peer_address = std::string(321, 'h'); }),
            "node 7: peer_address has 321 bytes; it must be 1 to 320");
}

TEST(ValidateMap, ARemovedNodeNeedsNoAddressAndLeavesItsNameToOthers) {
  EXPECT_EQ(Refusal([](ClusterMap& m) {
              m.nodes[2].state = NodeState::kRemoved;
              m.nodes[2].address = m.nodes[2].peer_address = "";
              m.nodes[2].name = m.nodes[0].name;
            }),
            "");
}

TEST(ValidateMap, ALimitOfNodesCountsThoseThatWereRemoved) {
  EXPECT_EQ(Refusal([](ClusterMap& m) {
              for (uint64_t id = 100; m.nodes.size() <= kNodesMax; ++id) {
                m.nodes.push_back(NodeOf(id));
                m.nodes.back().state = NodeState::kRemoved;
              }
            }),
            "the map has 16385 nodes; the limit is 16384");
}

TEST(ValidateMap, TokensAreSortedAndOfNodesThatTakeThem) {
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.tokens[1].slot = SlotId(16); }),
            "token.slot is 16 of 16 slots");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.tokens[1].slot = SlotId(0); }),
            "token.slot 0 comes after 0; they must grow");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.tokens[1].node = NodeId(8); }),
            "the token of slot 9: there is no node 8");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.tokens[1].node = NodeId(5); }),
            "the token of slot 9: node 5 is up with weight 0 and may have none");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.nodes[0].state = NodeState::kLeaving; }),
            "the token of slot 9: node 7 is leaving with weight 100 and may have none");
}

TEST(ValidateMap, NamesTheFieldOfAKeyspace) {
  EXPECT_NE(Refusal([](ClusterMap& m) { m.keyspaces[0].name = ".x"; }), "");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.keyspaces[0].options.replicas = 10; }),
            "keyspace.replicas is 10; it must be 1 to 9");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.keyspaces[0].options.mode = Mode(3); }),
            "keyspace.mode: there is no value 3");
  EXPECT_EQ(Refusal([](ClusterMap& m) { m.keyspaces[0].options.conflict = Conflict::kSiblings; }),
            "keyspace.conflict is only for mode eventual");
  EXPECT_EQ(Refusal([](ClusterMap& m) {
              m.keyspaces.push_back({"other", KeyspaceId(4), {}});
            }),
            "keyspace.id 4 is there twice");
  EXPECT_EQ(Refusal([](ClusterMap& m) {
              m.keyspaces.push_back({"ks", KeyspaceId(5), {}});
            }),
            "keyspace.name \"ks\" is there twice");
}

std::string ChangeRefusal(const Spoil& change) {
  const ClusterMap from = ValidMap();
  ClusterMap to = from;
  to.epoch = 2;
  change(to);
  const Status status = ValidateChange(from, to);
  return status ? "" : status.error().message;
}

TEST(ValidateChange, AcceptsWhatMayChange) {
  EXPECT_EQ(ChangeRefusal([](ClusterMap& m) {
              m.nodes.push_back(NodeOf(9));
              m.nodes[0].address = "elsewhere:1";
              m.nodes[0].weight = 50;
              m.nodes[2].state = NodeState::kRemoved;
              m.keyspaces[0].options.replicas = 5;
              m.keyspaces[0].options.write_ack = WriteAck::kAllInSync;
            }),
            "");
  EXPECT_EQ(ChangeRefusal([](ClusterMap& m) { m.keyspaces.clear(); }), "");
}

TEST(ValidateChange, RefusesWhatIsFixed) {
  EXPECT_NE(ChangeRefusal([](ClusterMap& m) { m.cluster_id = std::string(32, 'b'); }), "");
  EXPECT_EQ(ChangeRefusal([](ClusterMap& m) { m.epoch = 1; }), "epoch 1 does not come after 1");
  EXPECT_EQ(ChangeRefusal([](ClusterMap& m) { m.ring_size = 32; }),
            "ring_size is fixed at 16 and cannot be 32");
  EXPECT_EQ(
      ChangeRefusal([](ClusterMap& m) { m.keyspaces[0].options.placement = Placement::kParent; }),
      "keyspace \"ks\": mode, placement, conflict and compression are fixed");
}

TEST(ValidateChange, ANodeNeverVanishesNorComesBack) {
  EXPECT_EQ(ChangeRefusal([](ClusterMap& m) { m.nodes.pop_back(); }),
            "node 5 vanished; it must stay as removed");
  EXPECT_EQ(ChangeRefusal([](ClusterMap& m) { m.nodes[2].name = "other"; }),
            "node 5 was \"node-5\" and cannot be \"other\"");
  ClusterMap from = ValidMap();
  from.nodes[2].state = NodeState::kRemoved;
  ClusterMap to = from;
  to.epoch = 2;
  to.nodes[2].state = NodeState::kUp;
  EXPECT_EQ(ValidateChange(from, to).error().message, "node 5 cannot go from removed to up");
}

}  // namespace
}  // namespace metaring::placement
