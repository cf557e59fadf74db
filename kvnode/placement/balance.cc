// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/balance.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

#include "kvnode/base/check.h"
#include "kvnode/placement/allocation.h"
#include "kvnode/placement/fair_share.h"

namespace metaring::placement {
namespace {

// By id.
std::map<NodeId, double> FairLoadsOf(const ClusterMap& map, uint32_t replicas) {
  std::vector<NodeId> ids;
  std::vector<WeightedMember> members;
  std::unordered_map<std::string_view, RackIndex> racks;
  for (const ClusterNode& node : map.nodes) {
    if (!node.TakesTokens()) continue;
    const auto rack = racks.emplace(node.rack, static_cast<RackIndex>(racks.size())).first;
    ids.push_back(node.id);
    members.push_back({double(node.weight), rack->second});
  }
  const std::vector<double> loads = FairLoads(members, map.ring_size, replicas);
  std::map<NodeId, double> by_id;
  for (size_t i = 0; i < ids.size(); ++i) by_id.emplace(ids[i], loads[i]);
  return by_id;
}

double SumOf(const std::map<NodeId, double>& loads) {
  double sum = 0;
  for (const auto& [id, load] : loads) sum += load;
  return sum;
}

}  // namespace

std::vector<NodeLoad> LoadsOf(const ClusterMap& map, const Ring& ring, uint32_t replicas) {
  const auto balanced = FairLoadsOf(map, kBalancedReplicas);
  const double balanced_sum = SumOf(balanced);
  std::vector<NodeLoad> loads;
  std::unordered_map<NodeId, size_t> index_of;
  for (const auto& [id, fair] : FairLoadsOf(map, replicas)) {
    index_of.emplace(id, loads.size());
    loads.push_back({id, 0, 0, fair, balanced.at(id) * ring.ring_size() / balanced_sum});
  }
  for (uint32_t i = 0; i < ring.ring_size(); ++i) {
    const auto list = ring.ReplicasOf(SlotId(static_cast<uint16_t>(i)), replicas);
    for (const NodeId node : list) ++loads[index_of.at(node)].replicas;
    if (!list.empty()) ++loads[index_of.at(list.front())].primaries;
  }
  return loads;
}

Imbalance ImbalanceOf(const std::vector<NodeLoad>& loads) {
  Imbalance imbalance;
  for (const NodeLoad& load : loads) {
    imbalance.replicas = std::max(imbalance.replicas, load.replicas / load.fair_replicas);
    imbalance.primaries = std::max(imbalance.primaries, load.primaries / load.fair_primaries);
  }
  return imbalance;
}

double MovedFraction(const Ring& from, const Ring& to, uint32_t replicas) {
  CHECK(from.ring_size() == to.ring_size());
  uint64_t moved = 0;
  for (uint32_t i = 0; i < to.ring_size(); ++i) {
    const SlotId slot(static_cast<uint16_t>(i));
    const auto before = from.ReplicasOf(slot, replicas);
    for (const NodeId node : to.ReplicasOf(slot, replicas)) {
      if (std::find(before.begin(), before.end(), node) == before.end()) ++moved;
    }
  }
  const uint64_t lists = std::max(from.EffectiveReplicas(replicas), to.EffectiveReplicas(replicas));
  return lists == 0 ? 0 : double(moved) / double(lists * to.ring_size());
}

double LeastMovedFraction(const ClusterMap& from, const ClusterMap& to, uint32_t replicas) {
  const auto before = FairLoadsOf(from, replicas);
  const auto after = FairLoadsOf(to, replicas);
  double moved = 0;
  for (const auto& [id, load] : after) {
    const auto found = before.find(id);
    moved += std::max(0.0, load - (found == before.end() ? 0 : found->second));
  }
  const double all = std::max(SumOf(before), SumOf(after));
  return all == 0 ? 0 : moved / all;
}

}  // namespace metaring::placement
