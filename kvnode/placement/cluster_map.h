// SPDX-License-Identifier: Apache-2.0
//
// ClusterMap: what everybody in a cluster agrees on, as a value. Who may do what (grants) is not in
// it: placement does not depend on that. Its stored and sent form is Thrift and lives with those
// who store and send it.
#ifndef METARING_KVNODE_PLACEMENT_CLUSTER_MAP_H_
#define METARING_KVNODE_PLACEMENT_CLUSTER_MAP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kvnode/base/ids.h"
#include "kvnode/base/result.h"
#include "kvnode/placement/keyspace.h"
#include "kvnode/placement/slot.h"

namespace metaring::placement {

inline constexpr size_t kNodesMax = 16'384;  // with those that were removed
inline constexpr size_t kKeyspacesMax = 10'000;
inline constexpr uint32_t kWeightMax = 10'000;
inline constexpr uint32_t kWeightDefault = 100;

// A state moves down this list only; a node that joins may also leave before it is up.
enum class NodeState : uint8_t {
  kJoining = 1,  // the ring counts on it: it has tokens, and is still being filled
  kUp = 2,       // it holds what the ring says
  kLeaving = 3,  // it has no tokens; it serves what it holds until others have it
  kRemoved = 4,  // gone, and kept here because its id never comes back
};
std::string_view NodeStateName(NodeState state);  // "joining"

struct ClusterNode {
  NodeId id;                 // 1 or more, never used again
  std::string name;          // of its certificate; of those not removed nobody else has it
  std::string address;       // HOST:PORT for clients
  std::string peer_address;  // HOST:PORT for nodes
  std::string rack;          // what fails together; those without one are together in rack ""
  uint32_t weight = kWeightDefault;  // its share, in proportion to the others'; 0: it holds nothing
  NodeState state = NodeState::kUp;

  // Whether slots are given to it.
  bool TakesTokens() const {
    return weight > 0 && (state == NodeState::kJoining || state == NodeState::kUp);
  }
  friend bool operator==(const ClusterNode&, const ClusterNode&) = default;
};

// A virtual node: the place on the ring where `node` begins. A node has as many as its share is.
struct Token {
  SlotId slot;
  NodeId node;
  friend bool operator==(const Token&, const Token&) = default;
};

struct ClusterMap {
  std::string cluster_id;                 // 32 hex digits
  int64_t epoch = 0;                      // grows with every change of the map
  uint32_t ring_size = kRingSizeDefault;  // slots; fixed
  std::vector<ClusterNode> nodes;         // in any order
  std::vector<Token> tokens;              // by slot, at most one in each (allocation.h)
  std::vector<KeyspaceInfo> keyspaces;    // in any order
};

// Nothing when `map` has no such node.
const ClusterNode* FindNode(const ClusterMap& map, NodeId id);

// kInvalidArgument, naming the field and its limit.
Status ValidateMap(const ClusterMap& map);
// The same for `to` as what comes after the valid map `from`: another cluster or ring size, an
// epoch that does not grow, a node that vanished, came back or changed its name, a keyspace whose
// fixed properties changed.
Status ValidateChange(const ClusterMap& from, const ClusterMap& to);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_CLUSTER_MAP_H_
