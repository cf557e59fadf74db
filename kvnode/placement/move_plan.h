// SPDX-License-Identifier: Apache-2.0
//
// MovePlan: what is left to do until the replicas are where the ring says. The ring is the target;
// what the groups themselves say of their members is the truth; membership works through the
// difference, a step at a time, and asks again.
#ifndef METARING_KVNODE_PLACEMENT_MOVE_PLAN_H_
#define METARING_KVNODE_PLACEMENT_MOVE_PLAN_H_

#include <cstdint>
#include <vector>

#include "kvnode/placement/ring.h"

namespace metaring::placement {

struct SlotMove {
  SlotId slot;
  std::vector<NodeId> add;   // in the order of the preference list
  std::vector<NodeId> drop;  // in the order in which they were given
  friend bool operator==(const SlotMove&, const SlotMove&) = default;
};

struct MovePlan {
  std::vector<SlotMove> moves;  // by slot; slots that are as they should be have none
  uint64_t adds = 0;            // of all moves together: copies to make
  uint64_t drops = 0;
};

// `actual`: for each slot of the ring its replicas now, in any order.
MovePlan PlanMoves(const Ring& target, uint32_t replicas,
                   const std::vector<std::vector<NodeId>>& actual);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_MOVE_PLAN_H_
