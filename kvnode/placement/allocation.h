// SPDX-License-Identifier: Apache-2.0
//
// Which node has which tokens. Every slot has one: V, the number of virtual nodes of a node, is its
// share of ring_size. Tokens are not drawn at random but chosen, one function for every occasion:
// change the nodes in the map (one joins, one leaves, a weight changes, several at once), and ask
// for the tokens that it should have. What the map has already is where it begins, so that little
// moves.
//
// What it promises, at kSlotsPerNodeMin slots a node or more and for kBalancedReplicas replicas, is
// in README.md with figures; tests/unit/placement/allocation_test.cc holds it to that.
//
// The result is stored in the map. Nobody else computes it again, so a better allocation may come
// with a later version and the ring stays the same until the next change.
#ifndef METARING_KVNODE_PLACEMENT_ALLOCATION_H_
#define METARING_KVNODE_PLACEMENT_ALLOCATION_H_

#include <cstdint>
#include <vector>

#include "kvnode/placement/cluster_map.h"

namespace metaring::placement {

// For keyspaces of so many replicas the balance is made; for others it is what comes of it.
inline constexpr uint32_t kBalancedReplicas = 3;

// The tokens for the nodes of `map` that take some (ClusterNode::TakesTokens), by slot.
// `map.tokens` may still have those of nodes that take none any more; nothing else needs to be
// valid about them than in a valid map. Empty when no node takes tokens. Deterministic; the order
// of the nodes in the map does not matter. With fewer slots than nodes some nodes get none.
std::vector<Token> AllocateTokens(const ClusterMap& map);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_ALLOCATION_H_
