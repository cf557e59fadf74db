// SPDX-License-Identifier: Apache-2.0
//
// How many replicas each member of a ring should hold: in proportion to its weight, as far as the
// rule of preference lists allows it. What the rule forbids: two replicas of a slot on one node,
// and racks that differ by more than one in a slot. So in three racks with three replicas every
// rack holds every slot, be it large or small; only inside of it the weights decide.
#ifndef METARING_KVNODE_PLACEMENT_FAIR_SHARE_H_
#define METARING_KVNODE_PLACEMENT_FAIR_SHARE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kvnode/placement/preference.h"

namespace metaring::placement {

struct WeightedMember {
  double weight;  // > 0
  RackIndex rack;
};

// For each member the replicas of slots that are its fair load. Their sum is ring_size times
// min(replicas, members); none is over ring_size.
std::vector<double> FairLoads(std::span<const WeightedMember> members, uint32_t ring_size,
                              uint32_t replicas);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_FAIR_SHARE_H_
