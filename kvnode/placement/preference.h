// SPDX-License-Identifier: Apache-2.0
//
// The rule that makes a preference list: walk the tokens clockwise from a slot and take nodes in
// rounds. The first round takes the first node of every rack, the second round the second node of
// every rack, and so on, until there are enough; within a round nearer nodes come first. So the
// first N are distinct nodes, in distinct racks first (design, "Ring"), no rack ever has more than
// one replica more than another that still had nodes, and a shorter list is the head of a longer
// one.
//
// Dynamo's preference list (DeCandia et al., SOSP 2007, section 4.6) skips nodes to have distinct
// ones; the rounds do the same for racks. Ring makes its table by this and the allocation measures
// by it: there is one rule.
#ifndef METARING_KVNODE_PLACEMENT_PREFERENCE_H_
#define METARING_KVNODE_PLACEMENT_PREFERENCE_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kvnode/placement/keyspace.h"

namespace metaring::placement {

// Who owns a token, counted from 0: nodes here, or whole racks in the allocation.
using Member = uint16_t;
inline constexpr Member kNobody = 0xFFFF;  // a slot without a token
using RackIndex = uint16_t;                // counted from 0

// Of each round, how many members it takes, when racks of these sizes are asked for `replicas`.
using RoundSizes = std::array<uint32_t, kReplicasMax>;
RoundSizes RoundSizesOf(std::span<const uint32_t> rack_sizes, uint32_t replicas);

// One caller. `owners` below is one member or kNobody for each slot of the ring.
class PreferenceWalk {
 public:
  // The racks of the members. `replicas` is 1 to kReplicasMax.
  PreferenceWalk(std::vector<RackIndex> rack_of, uint32_t replicas);

  // Which members have tokens. To be told again when a member gets its first or loses its last.
  void Count(std::span<const Member> owners);

  // The slots whose tokens make the list of `slot`, in its order: size() of them. Good until the
  // next call.
  std::span<const uint32_t> From(std::span<const Member> owners, uint32_t slot);
  uint32_t size() const { return size_; }
  // How many slots the last walk looked at. A change behind them would not have changed the list.
  uint32_t reach() const { return reach_; }

 private:
  std::vector<RackIndex> rack_of_;
  uint32_t replicas_;
  RoundSizes round_sizes_{};
  std::array<uint32_t, kReplicasMax> round_begins_{};
  uint32_t size_ = 0;

  // Of the last walk. What carries another walk's number is as good as zero.
  uint32_t walk_ = 0;
  uint32_t reach_ = 0;
  std::vector<uint32_t> seen_by_;       // by member
  std::vector<uint32_t> rack_seen_by_;  // by rack
  std::vector<uint32_t> rack_count_;    // by rack: members seen
  std::array<uint32_t, kReplicasMax> list_{};
};

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_PREFERENCE_H_
