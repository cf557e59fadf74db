// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/move_plan.h"

#include <algorithm>
#include <span>

#include "kvnode/base/check.h"

namespace metaring::placement {
namespace {

std::vector<NodeId> Without(std::span<const NodeId> all, std::span<const NodeId> others) {
  std::vector<NodeId> rest;
  for (const NodeId node : all) {
    if (std::find(others.begin(), others.end(), node) == others.end()) rest.push_back(node);
  }
  return rest;
}

}  // namespace

MovePlan PlanMoves(const Ring& target, uint32_t replicas,
                   const std::vector<std::vector<NodeId>>& actual) {
  CHECK(actual.size() == target.ring_size());
  MovePlan plan;
  for (uint32_t i = 0; i < target.ring_size(); ++i) {
    const SlotId slot(static_cast<uint16_t>(i));
    const auto wanted = target.ReplicasOf(slot, replicas);
    SlotMove move{slot, Without(wanted, actual[i]), Without(actual[i], wanted)};
    if (move.add.empty() && move.drop.empty()) continue;
    plan.adds += move.add.size();
    plan.drops += move.drop.size();
    plan.moves.push_back(std::move(move));
  }
  return plan;
}

}  // namespace metaring::placement
