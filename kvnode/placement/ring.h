// SPDX-License-Identifier: Apache-2.0
//
// Ring: where the slots of a cluster map are. A table of the preference list of every slot, made
// once for a map: a look-up is one multiplication. Clients and nodes that have the same map have
// the same ring; the order of nodes in the map does not matter.
#ifndef METARING_KVNODE_PLACEMENT_RING_H_
#define METARING_KVNODE_PLACEMENT_RING_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/placement/cluster_map.h"

namespace metaring::placement {

// Immutable; share it by pointer. It takes 72 bytes a slot (1.2 MB at 16,384 slots).
class Ring {
 public:
  // `map` is valid. In a ring without tokens every list is empty.
  explicit Ring(const ClusterMap& map);

  uint32_t ring_size() const { return ring_size_; }
  // How many nodes have tokens.
  uint32_t node_count() const { return node_count_; }

  SlotId SlotOf(Placement placement, ByteView key) const {
    return placement::SlotOf(placement, key, ring_size_);
  }

  // Replicas that a keyspace of `replicas` really has: no more than nodes have tokens, nor than
  // kReplicasMax.
  uint32_t EffectiveReplicas(uint32_t replicas) const;
  // The preference list of `slot`, which is also the order in which its replicas campaign: distinct
  // nodes, distinct racks first (preference.h), EffectiveReplicas(replicas) of them. A view of the
  // ring.
  std::span<const NodeId> ReplicasOf(SlotId slot, uint32_t replicas) const;
  // The slots that `node` has a replica of; with 1 replica those that it is first for.
  std::vector<SlotId> SlotsOf(NodeId node, uint32_t replicas) const;

 private:
  uint32_t ring_size_;
  uint32_t node_count_ = 0;
  uint32_t list_size_ = 0;     // of each list in lists_
  std::vector<NodeId> lists_;  // by slot
};

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_RING_H_
