// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/ring.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "kvnode/base/check.h"
#include "kvnode/placement/preference.h"

namespace metaring::placement {
namespace {

struct Members {
  std::vector<NodeId> ids;
  std::vector<RackIndex> racks;
  std::vector<Member> owners;  // by slot
};

Members MembersOf(const ClusterMap& map) {
  std::unordered_map<NodeId, std::string_view> rack_names;
  for (const ClusterNode& node : map.nodes) rack_names.emplace(node.id, node.rack);
  Members members;
  members.owners.assign(map.ring_size, kNobody);
  std::unordered_map<NodeId, Member> member_of;
  std::unordered_map<std::string_view, RackIndex> rack_of;
  for (const Token& token : map.tokens) {
    const auto [found, is_new] =
        member_of.emplace(token.node, static_cast<Member>(members.ids.size()));
    if (is_new) {
      const auto rack = rack_of.emplace(rack_names.at(token.node), rack_of.size());
      members.ids.push_back(token.node);
      members.racks.push_back(rack.first->second);
    }
    members.owners[token.slot.value()] = found->second;
  }
  return members;
}

}  // namespace

Ring::Ring(const ClusterMap& map) : ring_size_(map.ring_size) {
  const Members members = MembersOf(map);
  node_count_ = static_cast<uint32_t>(members.ids.size());
  PreferenceWalk walk(members.racks, kReplicasMax);
  walk.Count(members.owners);
  list_size_ = walk.size();
  lists_.reserve(size_t{ring_size_} * list_size_);
  for (uint32_t slot = 0; slot < ring_size_; ++slot) {
    for (const uint32_t position : walk.From(members.owners, slot)) {
      lists_.push_back(members.ids[members.owners[position]]);
    }
  }
}

uint32_t Ring::EffectiveReplicas(uint32_t replicas) const {
  return std::min(replicas, list_size_);
}

std::span<const NodeId> Ring::ReplicasOf(SlotId slot, uint32_t replicas) const {
  CHECK(slot.value() < ring_size_);
  return std::span(lists_).subspan(size_t{slot.value()} * list_size_, EffectiveReplicas(replicas));
}

std::vector<SlotId> Ring::SlotsOf(NodeId node, uint32_t replicas) const {
  std::vector<SlotId> slots;
  for (uint32_t i = 0; i < ring_size_; ++i) {
    const SlotId slot(static_cast<uint16_t>(i));
    const auto list = ReplicasOf(slot, replicas);
    if (std::find(list.begin(), list.end(), node) != list.end()) slots.push_back(slot);
  }
  return slots;
}

}  // namespace metaring::placement
