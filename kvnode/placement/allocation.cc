// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/allocation.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "kvnode/placement/fair_share.h"
#include "kvnode/placement/preference.h"
#include "kvnode/placement/rack_share.h"
#include "kvnode/placement/unit_ring.h"

namespace metaring::placement {
namespace {

// Of the replicas that a change must move, what may move besides to level the loads.
constexpr double kLevellingMax = 0.1;

// The nodes that take tokens, by id, and what they hold.
struct Problem {
  std::vector<const ClusterNode*> nodes;
  std::vector<WeightedMember> members;  // the same, with racks numbered by name
  size_t rack_count = 0;
  uint32_t replicas = 0;
  std::vector<double> fair_loads;  // by node
  std::vector<Member> holders;     // by slot: a node, or kNobody
  uint32_t empty_slots = 0;        // of kNobody

  // Whether there are enough racks for all replicas of a slot.
  bool ByRacks() const { return rack_count >= replicas; }
};

Problem ProblemOf(const ClusterMap& map) {
  Problem problem;
  for (const ClusterNode& node : map.nodes) {
    if (node.TakesTokens()) problem.nodes.push_back(&node);
  }
  std::sort(problem.nodes.begin(), problem.nodes.end(),
            [](const ClusterNode* a, const ClusterNode* b) { return a->id < b->id; });
  std::map<std::string_view, RackIndex> racks;
  for (const ClusterNode* node : problem.nodes) racks.emplace(node->rack, 0);
  RackIndex next_rack = 0;
  for (auto& [name, index] : racks) index = next_rack++;
  problem.rack_count = racks.size();

  std::unordered_map<NodeId, Member> index_of;
  for (const ClusterNode* node : problem.nodes) {
    index_of.emplace(node->id, static_cast<Member>(problem.members.size()));
    problem.members.push_back({double(node->weight), racks.at(node->rack)});
  }
  problem.replicas = std::min(kBalancedReplicas, static_cast<uint32_t>(problem.nodes.size()));
  problem.fair_loads = FairLoads(problem.members, map.ring_size, problem.replicas);
  problem.holders.assign(map.ring_size, kNobody);
  problem.empty_slots = map.ring_size;
  for (const Token& token : map.tokens) {
    const auto found = index_of.find(token.node);
    if (found == index_of.end()) continue;
    problem.holders[token.slot.value()] = found->second;
    --problem.empty_slots;
  }
  return problem;
}

// Brings the units' tokens to what is fair. From nothing, nothing that moves counts.
void Balance(const Problem& problem, UnitRing& units) {
  units.FillEmpty();
  units.FillShort();
  units.Relieve();
  const bool from_nothing = problem.empty_slots == problem.holders.size();
  const auto moved = static_cast<uint64_t>(kLevellingMax * units.tokens_moved() * problem.replicas);
  units.Level(from_nothing ? UINT64_MAX : std::max<uint64_t>(problem.replicas, moved));
}

// Fewer racks than replicas, or one rack for all: lists are of distinct nodes, and nodes are units.
std::vector<Member> AllocateToNodes(const Problem& problem) {
  std::vector<Unit> units;
  units.reserve(problem.nodes.size());
  for (size_t i = 0; i < problem.nodes.size(); ++i) {
    units.push_back(
        {problem.members[i].rack, problem.fair_loads[i], problem.fair_loads[i] / problem.replicas});
  }
  UnitRing ring(std::move(units), {problem.holders, problem.holders, {}}, problem.replicas);
  Balance(problem, ring);
  return ring.owners();
}

// The tokens of one rack, by the slots of the ring that are its own.
void ShareRack(const Problem& problem, RackIndex rack, const std::vector<Member>& owners,
               const std::vector<uint32_t>& token_loads, std::vector<Member>& holders) {
  std::vector<Member> nodes;       // of the rack
  std::vector<double> fair_loads;  // theirs
  std::vector<Member> local(problem.nodes.size(), kNobody);
  for (Member node = 0; node < problem.members.size(); ++node) {
    if (problem.members[node].rack != rack) continue;
    local[node] = static_cast<Member>(nodes.size());
    nodes.push_back(node);
    fair_loads.push_back(problem.fair_loads[node]);
  }
  std::vector<uint32_t> slots;
  std::vector<RackToken> tokens;
  for (uint32_t slot = 0; slot < owners.size(); ++slot) {
    if (owners[slot] != rack) continue;
    const Member holder = holders[slot];
    slots.push_back(slot);
    tokens.push_back({token_loads[slot], holder == kNobody ? kNobody : local[holder]});
  }
  const std::vector<Member> shared = ShareTokens(std::move(tokens), fair_loads);
  for (size_t i = 0; i < slots.size(); ++i) holders[slots[i]] = nodes[shared[i]];
}

// Enough racks: lists are of distinct racks, and racks are units. What a node leaves stays with its
// rack, as far as that has a right to it.
std::vector<Member> AllocateToRacks(const ClusterMap& map, const Problem& problem) {
  std::vector<Unit> units(problem.rack_count);
  std::unordered_map<std::string_view, RackIndex> rack_of;
  for (size_t i = 0; i < problem.nodes.size(); ++i) {
    const RackIndex rack = problem.members[i].rack;
    rack_of.emplace(problem.nodes[i]->rack, rack);
    units[rack].rack = rack;
    units[rack].fair_load += problem.fair_loads[i];
    units[rack].fair_tokens += problem.fair_loads[i] / problem.replicas;
  }
  std::unordered_map<NodeId, std::string_view> rack_names;
  for (const ClusterNode& node : map.nodes) rack_names.emplace(node.id, node.rack);
  std::vector<Member> owners(map.ring_size, kNobody);
  for (const Token& token : map.tokens) {
    const auto name = rack_names.find(token.node);
    if (name == rack_names.end()) continue;
    const auto rack = rack_of.find(name->second);
    if (rack != rack_of.end()) owners[token.slot.value()] = rack->second;
  }
  std::vector<double> fair_tokens;
  for (const double load : problem.fair_loads) fair_tokens.push_back(load / problem.replicas);
  UnitRing ring(std::move(units), {std::move(owners), problem.holders, std::move(fair_tokens)},
                problem.replicas);
  Balance(problem, ring);
  const std::vector<uint32_t> token_loads = ring.TokenLoads();
  std::vector<Member> holders = ring.holders();
  for (RackIndex rack = 0; rack < problem.rack_count; ++rack) {
    ShareRack(problem, rack, ring.owners(), token_loads, holders);
  }
  return holders;
}

}  // namespace

std::vector<Token> AllocateTokens(const ClusterMap& map) {
  const Problem problem = ProblemOf(map);
  if (problem.nodes.empty()) return {};
  const std::vector<Member> holders =
      problem.ByRacks() ? AllocateToRacks(map, problem) : AllocateToNodes(problem);
  std::vector<Token> tokens;
  tokens.reserve(holders.size());
  for (size_t slot = 0; slot < holders.size(); ++slot) {
    tokens.push_back({SlotId(static_cast<uint16_t>(slot)), problem.nodes[holders[slot]]->id});
  }
  return tokens;
}

}  // namespace metaring::placement
