// SPDX-License-Identifier: Apache-2.0
//
// Cluster maps for tests.
#ifndef METARING_TESTS_UNIT_PLACEMENT_MAPS_H_
#define METARING_TESTS_UNIT_PLACEMENT_MAPS_H_

#include <string>
#include <utility>
#include <vector>

#include "kvnode/placement/allocation.h"
#include "kvnode/placement/cluster_map.h"
#include "kvnode/placement/ring.h"

namespace metaring::placement {

inline ClusterNode NodeOf(uint64_t id, std::string rack = "", uint32_t weight = kWeightDefault) {
  ClusterNode node;
  node.id = NodeId(id);
  node.name = "node-" + std::to_string(id);
  node.address = node.name + ":7400";
  node.peer_address = node.name + ":7401";
  node.rack = std::move(rack);
  node.weight = weight;
  return node;
}

// Valid, without tokens.
inline ClusterMap MapOf(uint32_t ring_size, std::vector<ClusterNode> nodes) {
  ClusterMap map;
  map.cluster_id = std::string(32, 'a');
  map.epoch = 1;
  map.ring_size = ring_size;
  map.nodes = std::move(nodes);
  return map;
}

// `count` nodes of ids 1, 2, ..., dealt to `racks` racks in turn (0: no racks), with their tokens.
inline ClusterMap Allocated(uint32_t ring_size, uint32_t count, uint32_t racks = 0) {
  ClusterMap map = MapOf(ring_size, {});
  for (uint64_t id = 1; id <= count; ++id) {
    map.nodes.push_back(NodeOf(id, racks == 0 ? "" : "rack-" + std::to_string(id % racks)));
  }
  map.tokens = AllocateTokens(map);
  return map;
}

inline std::vector<uint64_t> IdsOf(std::span<const NodeId> nodes) {
  std::vector<uint64_t> ids;
  for (const NodeId node : nodes) ids.push_back(node.value());
  return ids;
}

}  // namespace metaring::placement

#endif  // METARING_TESTS_UNIT_PLACEMENT_MAPS_H_
