// SPDX-License-Identifier: Apache-2.0
//
// placement_report: what the allocation of tokens does to clusters of 3 to 1,000 nodes. Loads, what
// a join and a leave move, what a failure adds to others, and the time that rings take; and the
// same of rendezvous hashing (Thaler and Ravishankar, 1998) and of jump hashing (Lamping and Veach,
// 2014), which live only here, to compare.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kvnode/base/random.h"
#include "kvnode/placement/allocation.h"
#include "kvnode/placement/balance.h"
#include "kvnode/placement/ring.h"

namespace metaring::placement {
namespace {

constexpr uint32_t kReplicas = kBalancedReplicas;
constexpr uint64_t kSeed = 1;

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

// The preference list of each slot.
using Lists = std::vector<std::vector<NodeId>>;

Lists ListsOf(const Ring& ring) {
  Lists lists;
  for (uint32_t i = 0; i < ring.ring_size(); ++i) {
    const auto list = ring.ReplicasOf(SlotId(static_cast<uint16_t>(i)), kReplicas);
    lists.emplace_back(list.begin(), list.end());
  }
  return lists;
}

// The most primaries that any node has after any one node has failed, against the mean of those
// that are left: a slot's next replica takes over.
double FailoverLoad(const Lists& lists, size_t nodes) {
  if (nodes < 2) return 1;
  std::map<NodeId, double> primaries;
  std::map<NodeId, std::map<NodeId, double>> inherited;
  for (const auto& list : lists) {
    ++primaries[list[0]];
    ++inherited[list[0]][list[1]];
  }
  double most = 0;
  for (const auto& [failed, heirs] : inherited) {
    for (const auto& [heir, more] : heirs) most = std::max(most, primaries[heir] + more);
    for (const auto& [node, own] : primaries) {
      if (node != failed) most = std::max(most, own);
    }
  }
  return most * double(nodes - 1) / double(lists.size());
}

double MaxLoad(const Lists& lists, size_t nodes) {
  std::map<NodeId, double> loads;
  double sum = 0;
  for (const auto& list : lists) {
    for (const NodeId node : list) ++loads[node];
    sum += double(list.size());
  }
  double most = 0;
  for (const auto& [node, load] : loads) most = std::max(most, load);
  return most * double(nodes) / sum;
}

double MaxPrimaries(const Lists& lists, size_t nodes) {
  Lists first = lists;
  for (auto& list : first) list.resize(1);
  return MaxLoad(first, nodes);
}

double Moved(const Lists& from, const Lists& to) {
  double moved = 0;
  double all_from = 0;
  double all_to = 0;
  for (size_t i = 0; i < to.size(); ++i) {
    for (const NodeId node : to[i]) {
      moved += double(std::count(from[i].begin(), from[i].end(), node) == 0);
    }
    all_from += double(from[i].size());
    all_to += double(to[i].size());
  }
  return moved / std::max(all_from, all_to);
}

// A cluster that changes one node at a time.
class Cluster {
 public:
  Cluster(uint32_t ring_size, uint32_t racks) : racks_(racks) { map_.ring_size = ring_size; }

  size_t size() const { return size_; }
  const ClusterMap& map() const { return map_; }
  const Ring& ring() const { return ring_; }
  double allocation_ms() const { return allocation_ms_; }

  void Join() {
    ClusterNode node;
    node.id = NodeId(++last_id_);
    if (racks_ > 0) node.rack = fmt::format("rack-{}", last_id_ % racks_);
    map_.nodes.push_back(node);
    ++size_;
    Allocate();
  }
  // Of the racks that have the most nodes, so that racks stay equal.
  void Leave(Random& random) {
    std::map<std::string, std::vector<size_t>> racks;
    for (size_t i = 0; i < map_.nodes.size(); ++i) racks[map_.nodes[i].rack].push_back(i);
    size_t most = 0;
    for (const auto& [rack, nodes] : racks) most = std::max(most, nodes.size());
    std::vector<size_t> able;
    for (const auto& [rack, nodes] : racks) {
      if (nodes.size() == most) able.insert(able.end(), nodes.begin(), nodes.end());
    }
    ClusterNode& node = map_.nodes[able[random.Below(able.size())]];
    const NodeId left = node.id;
    node.state = NodeState::kLeaving;
    --size_;
    Allocate();
    // What is removed has nothing any more; the report forgets it.
    std::erase_if(map_.nodes, [left](const ClusterNode& each) { return each.id == left; });
  }

 private:
  void Allocate() {
    const auto begin = Clock::now();
    map_.tokens = AllocateTokens(map_);
    allocation_ms_ = Milliseconds(begin);
    ring_ = Ring(map_);
  }

  const uint32_t racks_;
  uint64_t last_id_ = 0;
  size_t size_ = 0;  // nodes that have not left
  ClusterMap map_;
  Ring ring_{map_};
  double allocation_ms_ = 0;
};

struct Step {
  size_t nodes = 0;  // after a join, before a leave
  double load = 0;
  double primaries = 0;
  double moved = 0;    // times nodes: 1 is what one node's share is
  double against = 0;  // moved, against the least possible
};

Step StepFrom(const ClusterMap& map, const Ring& ring, const Cluster& now) {
  Step step;
  step.nodes = std::max(map.nodes.size(), now.size());
  const Imbalance imbalance = ImbalanceOf(LoadsOf(now.map(), now.ring(), kReplicas));
  step.load = imbalance.replicas;
  step.primaries = imbalance.primaries;
  const double moved = MovedFraction(ring, now.ring(), kReplicas);
  step.moved = moved * double(step.nodes);
  const double least = LeastMovedFraction(map, now.map(), kReplicas);
  step.against = least > 1e-9 ? moved / least : 1;
  return step;
}

bool Shown(size_t nodes) {
  return (nodes >= 3 && nodes <= 6) || nodes == 10 || nodes == 100 || nodes == 1000 ||
         (nodes >= 8 && (nodes & (nodes - 1)) == 0);
}

void Widen(Step& worst, const Step& step) {
  worst.load = std::max(worst.load, step.load);
  worst.primaries = std::max(worst.primaries, step.primaries);
  worst.moved = std::max(worst.moved, step.moved);
  worst.against = std::max(worst.against, step.against);
}

std::string Cells(const Step& step) {
  return fmt::format("{:.3f} | {:.3f} | {:.3f} | {:.3f}", step.load, step.primaries, step.moved,
                     step.against);
}

// One by one to `nodes_max` and back to 3.
void Growth(uint32_t ring_size, size_t nodes_max, uint32_t racks) {
  fmt::print("\n{} slots, {} racks: 1 to {} nodes one by one, and back\n\n", ring_size, racks,
             nodes_max);
  fmt::print(
      "| nodes | slots/node | join: load | primaries | moved x n | / least | failover "
      "| leave: load | primaries | moved x n | / least |\n");
  fmt::print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  Cluster cluster(ring_size, racks);
  std::map<size_t, std::pair<Step, double>> joins;
  Step worst_join;
  Step worst_leave;
  double failover_worst = 0;
  while (cluster.size() < nodes_max) {
    const ClusterMap map = cluster.map();
    const Ring ring = cluster.ring();
    cluster.Join();
    if (cluster.size() < 3) continue;
    const Step step = StepFrom(map, ring, cluster);
    const double failover = FailoverLoad(ListsOf(cluster.ring()), cluster.size());
    joins[step.nodes] = {step, failover};
    failover_worst = std::max(failover_worst, failover);
    if (cluster.size() > std::max(racks, kReplicas)) Widen(worst_join, step);
  }
  Random random(kSeed);
  std::map<size_t, Step> leaves;
  while (cluster.size() > 3) {
    const ClusterMap map = cluster.map();
    const Ring ring = cluster.ring();
    cluster.Leave(random);
    const Step step = StepFrom(map, ring, cluster);
    leaves[step.nodes] = step;
    if (step.nodes > std::max(racks, kReplicas)) Widen(worst_leave, step);
  }
  for (const auto& [nodes, join] : joins) {
    if (!Shown(nodes)) continue;
    const auto leave = leaves.find(nodes);
    fmt::print("| {} | {:.1f} | {} | {:.2f} | {} |\n", nodes, double(ring_size) / double(nodes),
               Cells(join.first), join.second,
               leave == leaves.end() ? " | | | " : Cells(leave->second));
  }
  fmt::print("| worst | | {} | {:.2f} | {} |\n", Cells(worst_join), failover_worst,
             Cells(worst_leave));
}

// `steps` joins and leaves at random, around `nodes`.
void Churn(uint32_t ring_size, size_t nodes, uint32_t racks, int steps) {
  Cluster cluster(ring_size, racks);
  while (cluster.size() < nodes) cluster.Join();
  Random random(kSeed);
  Step worst_join;
  Step worst_leave;
  const size_t nodes_min = std::max<size_t>(nodes * 7 / 8, std::max(kReplicas, racks) + 1);
  for (int i = 0; i < steps; ++i) {
    const ClusterMap map = cluster.map();
    const Ring ring = cluster.ring();
    const bool joins = cluster.size() <= nodes_min || (cluster.size() < nodes && random.OneIn(2));
    joins ? cluster.Join() : cluster.Leave(random);
    Widen(joins ? worst_join : worst_leave, StepFrom(map, ring, cluster));
  }
  fmt::print("| {} | {} | {} | {} | {} | {} |\n", ring_size, racks, nodes, steps, Cells(worst_join),
             Cells(worst_leave));
}

// Rendezvous hashing: the replicas of a slot are the nodes with the highest hashes of both.
Lists Rendezvous(uint32_t ring_size, const std::vector<NodeId>& nodes) {
  Lists lists(ring_size);
  std::vector<std::pair<uint64_t, NodeId>> ranked(nodes.size());
  const size_t replicas = std::min<size_t>(kReplicas, nodes.size());
  for (uint32_t slot = 0; slot < ring_size; ++slot) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      Random hash(nodes[i].value() * 0x9E3779B97F4A7C15 ^ slot);
      ranked[i] = {hash.Next(), nodes[i]};
    }
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(replicas),
                      ranked.end(), std::greater<>());
    for (size_t i = 0; i < replicas; ++i) lists[slot].push_back(ranked[i].second);
  }
  return lists;
}

// Jump hashing: a hash picks one of the numbers from 0 to `count`.
size_t Jump(uint64_t key, size_t count) {
  int64_t bucket = -1;
  for (int64_t next = 0; next < static_cast<int64_t>(count);) {
    bucket = next;
    key = key * 2862933555777941757 + 1;
    next = static_cast<int64_t>(double(bucket + 1) * double(1LL << 31) / double((key >> 33) + 1));
  }
  return static_cast<size_t>(bucket);
}

// It knows no second choice: hashes are tried one after the other until nodes are distinct.
Lists JumpLists(uint32_t ring_size, const std::vector<NodeId>& nodes) {
  Lists lists(ring_size);
  const size_t replicas = std::min<size_t>(kReplicas, nodes.size());
  for (uint32_t slot = 0; slot < ring_size; ++slot) {
    Random hash(slot);
    auto& list = lists[slot];
    while (list.size() < replicas) {
      const NodeId node = nodes[Jump(hash.Next(), nodes.size())];
      if (std::find(list.begin(), list.end(), node) == list.end()) list.push_back(node);
    }
  }
  return lists;
}

struct Compared {
  Lists before;
  Lists joined;
  Lists left;
  double build_ms = 0;
  double allocate_ms = 0;  // of the tokens, at the join
};

void PrintCompared(const char* name, uint32_t ring_size, size_t nodes, const Compared& lists) {
  const auto n = double(nodes);
  fmt::print(
      "| {} | {:.1f} | {} | {:.3f} | {:.3f} | {:.2f} | {:.2f} | {:.2f} | {:.1f} | {:.1f} |\n",
      nodes, double(ring_size) / n, name, MaxLoad(lists.before, nodes),
      MaxPrimaries(lists.before, nodes), Moved(lists.before, lists.joined) * (n + 1),
      Moved(lists.before, lists.left) * n, FailoverLoad(lists.before, nodes), lists.build_ms,
      lists.allocate_ms);
}

template <typename Make>
Compared CompareHash(uint32_t ring_size, size_t nodes, Make make) {
  std::vector<NodeId> ids;
  for (uint64_t id = 1; id <= nodes; ++id) ids.emplace_back(id);
  Compared lists;
  const auto begin = Clock::now();
  lists.before = make(ring_size, ids);
  lists.build_ms = Milliseconds(begin);
  // Of numbered nodes only the last can go; the place of another one is taken by it.
  std::vector<NodeId> left = ids;
  left[nodes / 2] = left.back();
  left.pop_back();
  lists.left = make(ring_size, left);
  ids.emplace_back(nodes + 1);
  lists.joined = make(ring_size, ids);
  return lists;
}

void CompareAt(uint32_t ring_size, size_t nodes) {
  Cluster cluster(ring_size, 0);
  while (cluster.size() < nodes) cluster.Join();
  Compared ring;
  ring.before = ListsOf(cluster.ring());
  const auto begin = Clock::now();
  const Ring built(cluster.map());
  ring.build_ms = Milliseconds(begin);
  Cluster joined = cluster;
  joined.Join();
  ring.joined = ListsOf(joined.ring());
  ring.allocate_ms = joined.allocation_ms();
  Cluster left = cluster;
  Random random(kSeed);
  left.Leave(random);
  ring.left = ListsOf(left.ring());
  PrintCompared("ring", ring_size, nodes, ring);
  PrintCompared("rendezvous", ring_size, nodes, CompareHash(ring_size, nodes, Rendezvous));
  PrintCompared("jump", ring_size, nodes, CompareHash(ring_size, nodes, JumpLists));
}

void Compare() {
  fmt::print("\nAgainst rendezvous and jump hashing, without racks\n\n");
  fmt::print(
      "| nodes | slots/node | | load | primaries | join: moved x n | leave: moved x n | failover "
      "| build ms | allocate ms |\n|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const size_t nodes : {3, 10, 64}) CompareAt(1024, nodes);
  for (const size_t nodes : {100, 1000}) CompareAt(16'384, nodes);
}

// What other numbers of replicas than the one that is balanced for make of it.
void OtherReplicas() {
  fmt::print("\nmax/fair replicas at other numbers of replicas; 1024 slots\n\n");
  fmt::print("| nodes | racks | 1 | 2 | 3 | 5 | 7 |\n|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const uint32_t racks : {0U, 3U, 8U}) {
    for (const size_t nodes : {8, 16, 64}) {
      Cluster cluster(1024, racks);
      while (cluster.size() < nodes) cluster.Join();
      fmt::print("| {} | {}", nodes, racks);
      for (const uint32_t replicas : {1U, 2U, 3U, 5U, 7U}) {
        const auto loads = LoadsOf(cluster.map(), cluster.ring(), replicas);
        fmt::print(" | {:.3f}", ImbalanceOf(loads).replicas);
      }
      fmt::print(" |\n");
    }
  }
}

void Report(bool quick) {
  for (const uint32_t racks : {0U, 2U, 3U, 4U, 5U, 8U}) Growth(1024, 64, racks);
  if (!quick) {
    for (const uint32_t racks : {0U, 3U, 4U, 10U}) Growth(16'384, 1000, racks);
  }
  fmt::print("\nJoins and leaves at random: the worst of all steps\n\n");
  fmt::print(
      "| slots | racks | nodes | steps | join: load | primaries | moved x n | / least "
      "| leave: load | primaries | moved x n | / least |\n");
  fmt::print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const uint32_t racks : {0U, 2U, 3U, 4U, 5U, 8U}) {
    for (const size_t nodes : {8, 16, 64}) Churn(1024, nodes, racks, quick ? 100 : 1000);
  }
  OtherReplicas();
  if (!quick) Compare();
}

}  // namespace
}  // namespace metaring::placement

int main(int argc, char** argv) {
  metaring::placement::Report(argc > 1 && std::string_view(argv[1]) == "--quick");
  return 0;
}
