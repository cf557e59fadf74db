// SPDX-License-Identifier: Apache-2.0
//
// How evenly a ring loads its nodes, and how much moves from one ring to the next: what operators
// are shown and what tests and reports hold the allocation to.
#ifndef METARING_KVNODE_PLACEMENT_BALANCE_H_
#define METARING_KVNODE_PLACEMENT_BALANCE_H_

#include <cstdint>
#include <vector>

#include "kvnode/placement/cluster_map.h"
#include "kvnode/placement/ring.h"

namespace metaring::placement {

struct NodeLoad {
  NodeId node;
  uint32_t replicas = 0;      // of slots, that it holds
  uint32_t primaries = 0;     // slots that it is first for: where it leads when all are well
  double fair_replicas = 0;   // by its weight, as far as racks allow it (fair_share.h)
  double fair_primaries = 0;  // in proportion to fair_replicas for kBalancedReplicas
};

// Of each node of `map` that takes tokens, by id, with `ring` made of `map`, for a keyspace of
// `replicas`.
std::vector<NodeLoad> LoadsOf(const ClusterMap& map, const Ring& ring, uint32_t replicas);

// The highest of replicas/fair_replicas and of primaries/fair_primaries. With equal weights, in no
// or equal racks, this is max/mean. 1 when there is no node.
struct Imbalance {
  double replicas = 1;
  double primaries = 1;
};
Imbalance ImbalanceOf(const std::vector<NodeLoad>& loads);

// The slot replicas that `to` puts on a node where `from` had none, divided by all slot replicas of
// the ring that has more of them. Both rings have the same size.
double MovedFraction(const Ring& from, const Ring& to, uint32_t replicas);
// The least that any allocation must move for the loads to go from fair to fair, in the same
// measure.
double LeastMovedFraction(const ClusterMap& from, const ClusterMap& to, uint32_t replicas);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_BALANCE_H_
