// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/allocation.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kvnode/placement/balance.h"
#include "kvnode/placement/fair_share.h"
#include "kvnode/placement/preference.h"
#include "kvnode/placement/rack_share.h"
#include "kvnode/placement/ring.h"
#include "kvnode/placement/unit_ring.h"

namespace metaring::placement {
namespace {

// What is promised of one change: the highest load, against what is fair, and what moves, times the
// number of nodes.
constexpr double kLoadMax = 1.15;
constexpr double kMovedMax = 1.20;

// How uneven it may be before something moves only to mend that.
struct Tolerance {
  double load_min;         // of units and nodes, of what is fair
  double node_load_max;    // where nodes are units: of their fair load
  double rack_load_max;    // where racks are
  double rack_tokens_max;  // of a unit's share of tokens
  double share_load_max;   // of a node's fair load, inside of its rack
  double levelling_max;    // what may move besides, of the replicas that the change must move
};

// Tokens are whole, so less than 1.06 cannot be reached at 16 of them a node. Racks have more room:
// they grow in turn, and what one lacks today it has when the next node comes to it.
constexpr Tolerance kUsual = {0.9, 1.06, 1.10, 1.05, 1.10, 0.1};
// For the few changes where that would move too much, because much came due at once: some of it
// waits for the next change. The last is for where the load would be too high.
constexpr std::array<Tolerance, 4> kOthers = {{
    {0.87, 1.08, 1.11, 1.07, 1.11, 0.1},
    {0.83, 1.10, 1.12, 1.10, 1.12, 0.05},
    {0.75, 1.13, 1.13, 1.13, 1.14, 0.02},
    {0.9, 1.06, 1.06, 1.03, 1.05, 0.1},
}};

// The nodes that take tokens, by id, and what they hold.
struct Problem {
  std::vector<const ClusterNode*> nodes;
  std::vector<WeightedMember> members;  // the same, with racks numbered by name
  size_t rack_count = 0;
  uint32_t replicas = 0;
  std::vector<double> fair_loads;  // by node
  std::vector<Member> holders;     // by slot: a node, or kNobody
  uint32_t empty_slots = 0;        // of kNobody

  Member node_count() const { return static_cast<Member>(nodes.size()); }
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
void Balance(const Problem& problem, const Tolerance& tolerance, UnitRing& units) {
  units.FillEmpty();
  units.FillShort(tolerance.load_min);
  units.Relieve(tolerance.rack_tokens_max);
  const bool from_nothing = problem.empty_slots == problem.holders.size();
  const auto moved =
      static_cast<uint64_t>(tolerance.levelling_max * units.tokens_moved() * problem.replicas);
  units.Level(problem.ByRacks() ? tolerance.rack_load_max : tolerance.node_load_max,
              from_nothing ? UINT64_MAX : std::max<uint64_t>(problem.replicas, moved));
}

// Fewer racks than replicas, or one rack for all: lists are of distinct nodes, and nodes are units.
std::vector<Member> AllocateToNodes(const Problem& problem, const Tolerance& tolerance) {
  std::vector<Unit> units;
  units.reserve(problem.nodes.size());
  for (size_t i = 0; i < problem.nodes.size(); ++i) {
    units.push_back(
        {problem.members[i].rack, problem.fair_loads[i], problem.fair_loads[i] / problem.replicas});
  }
  UnitRing ring(std::move(units), {problem.holders, problem.holders, {}}, problem.replicas);
  Balance(problem, tolerance, ring);
  return ring.owners();
}

// The tokens of one rack, by the slots of the ring that are its own.
void ShareRack(const Problem& problem, const Tolerance& tolerance, RackIndex rack,
               const std::vector<Member>& owners, const std::vector<uint32_t>& token_loads,
               std::vector<Member>& holders) {
  std::vector<Member> nodes;  // of the rack
  RackShares shares{{}, 0, tolerance.load_min, tolerance.share_load_max};
  std::vector<Member> local(problem.nodes.size(), kNobody);
  for (Member node = 0; node < problem.node_count(); ++node) {
    if (problem.members[node].rack != rack) continue;
    local[node] = static_cast<Member>(nodes.size());
    nodes.push_back(node);
    shares.fair_loads.push_back(problem.fair_loads[node]);
    shares.fair_tokens += problem.fair_loads[node] / problem.replicas;
  }
  std::vector<uint32_t> slots;
  std::vector<RackToken> tokens;
  for (uint32_t slot = 0; slot < owners.size(); ++slot) {
    if (owners[slot] != rack) continue;
    const Member holder = holders[slot];
    slots.push_back(slot);
    tokens.push_back({token_loads[slot], holder == kNobody ? kNobody : local[holder]});
  }
  const std::vector<Member> shared = ShareTokens(std::move(tokens), shares);
  for (size_t i = 0; i < slots.size(); ++i) holders[slots[i]] = nodes[shared[i]];
}

// Enough racks: lists are of distinct racks, and racks are units. What a node leaves stays with its
// rack, as far as that has a right to it.
std::vector<Member> AllocateToRacks(const ClusterMap& map, const Problem& problem,
                                    const Tolerance& tolerance) {
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
  Balance(problem, tolerance, ring);
  const std::vector<uint32_t> token_loads = ring.TokenLoads();
  std::vector<Member> holders = ring.holders();
  for (RackIndex rack = 0; rack < problem.rack_count; ++rack) {
    ShareRack(problem, tolerance, rack, ring.owners(), token_loads, holders);
  }
  return holders;
}

std::vector<Token> Allocate(const ClusterMap& map, const Problem& problem,
                            const Tolerance& tolerance) {
  const std::vector<Member> holders = problem.ByRacks() ? AllocateToRacks(map, problem, tolerance)
                                                        : AllocateToNodes(problem, tolerance);
  std::vector<Token> tokens;
  tokens.reserve(holders.size());
  for (size_t slot = 0; slot < holders.size(); ++slot) {
    tokens.push_back({SlotId(static_cast<uint16_t>(slot)), problem.nodes[holders[slot]]->id});
  }
  return tokens;
}

// What the promise is about, of tokens that could be.
struct Outcome {
  double moved;
  double load;  // the higher of Imbalance
};

// The ring of what `map` has of its own nodes, and what other tokens would make of it.
class Before {
 public:
  explicit Before(const ClusterMap& map) {
    map_.ring_size = map.ring_size;
    map_.nodes = map.nodes;
    std::unordered_set<NodeId> ids;
    for (const ClusterNode& node : map.nodes) ids.insert(node.id);
    for (const Token& token : map.tokens) {
      if (ids.count(token.node) > 0) map_.tokens.push_back(token);
    }
    ring_ = Ring(map_);
  }

  uint32_t node_count() const { return ring_.node_count(); }

  Outcome With(std::vector<Token> tokens) const {
    ClusterMap after = map_;
    after.tokens = std::move(tokens);
    const Ring ring(after);
    const Imbalance loads = ImbalanceOf(LoadsOf(after, ring, kBalancedReplicas));
    return {MovedFraction(ring_, ring, kBalancedReplicas),
            std::max(loads.replicas, loads.primaries)};
  }

 private:
  ClusterMap map_;
  Ring ring_{map_};
};

}  // namespace

std::vector<Token> AllocateTokens(const ClusterMap& map) {
  const Problem problem = ProblemOf(map);
  if (problem.nodes.empty()) return {};
  std::vector<Token> best = Allocate(map, problem, kUsual);
  if (problem.empty_slots == map.ring_size) return best;
  const Before before(map);
  const double moved_max =
      kMovedMax / std::max<uint32_t>(before.node_count(), problem.node_count());
  Outcome best_outcome = before.With(best);
  for (const Tolerance& tolerance : kOthers) {
    if (best_outcome.load <= kLoadMax && best_outcome.moved <= moved_max) break;
    std::vector<Token> tokens = Allocate(map, problem, tolerance);
    const Outcome outcome = before.With(tokens);
    // The load comes first: what moves too much now does so once, what is too full stays so.
    const bool better = best_outcome.load > kLoadMax
                            ? outcome.load < best_outcome.load
                            : outcome.load <= kLoadMax && outcome.moved < best_outcome.moved;
    if (!better) continue;
    best = std::move(tokens);
    best_outcome = outcome;
  }
  return best;
}

}  // namespace metaring::placement
