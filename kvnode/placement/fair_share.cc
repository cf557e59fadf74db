// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/fair_share.h"

#include <algorithm>
#include <cmath>

namespace metaring::placement {
namespace {

// What takes a part of a total: between its bounds in proportion to its weight.
struct Part {
  double weight;
  double lowest;
  double highest;
};

// Water filling: the parts are clamp(level * weight, lowest, highest) at the one level where they
// make `total`, which the bounds allow. Those that are surely at a bound are fixed, and the rest is
// levelled again. Both kinds of misfits are never fixed at once: one may free the other.
std::vector<double> Fill(const std::vector<Part>& parts, double total) {
  std::vector<double> filled(parts.size());
  std::vector<size_t> open(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) open[i] = i;
  double left = total;
  while (!open.empty()) {
    double weight = 0;
    for (const size_t i : open) weight += parts[i].weight;
    double above = 0;
    double below = 0;
    for (const size_t i : open) {
      filled[i] = left * parts[i].weight / weight;
      above += std::max(0.0, filled[i] - parts[i].highest);
      below += std::max(0.0, parts[i].lowest - filled[i]);
    }
    if (above == 0 && below == 0) break;
    const bool fix_highest = above >= below;
    const auto fixed = std::stable_partition(open.begin(), open.end(), [&](size_t i) {
      return fix_highest ? filled[i] < parts[i].highest : filled[i] > parts[i].lowest;
    });
    for (auto it = fixed; it != open.end(); ++it) {
      filled[*it] = fix_highest ? parts[*it].highest : parts[*it].lowest;
      left -= filled[*it];
    }
    open.erase(fixed, open.end());
  }
  return filled;
}

struct Rack {
  uint32_t size = 0;
  double weight = 0;
};

std::vector<Rack> RacksOf(std::span<const WeightedMember> members) {
  std::vector<Rack> racks;
  for (const WeightedMember& member : members) {
    if (member.rack >= racks.size()) racks.resize(size_t{member.rack} + 1);
    ++racks[member.rack].size;
    racks[member.rack].weight += member.weight;
  }
  return racks;
}

// Every round that takes all who are left to ask takes one of each such rack; the last may take
// fewer, and which ones is what weights decide.
std::vector<double> RackLoads(const std::vector<Rack>& racks, uint32_t ring_size,
                              uint32_t replicas) {
  std::vector<uint32_t> sizes;
  sizes.reserve(racks.size());
  for (const Rack& rack : racks) sizes.push_back(rack.size);
  const RoundSizes rounds = RoundSizesOf(sizes, replicas);
  uint32_t full_rounds = 0;
  uint32_t taken = 0;
  uint32_t taken_last = 0;  // by a round that leaves somebody out
  for (uint32_t round = 0; round < rounds.size(); ++round) {
    const auto asked =
        std::count_if(sizes.begin(), sizes.end(), [round](uint32_t size) { return size > round; });
    if (asked > 0 && rounds[round] == static_cast<uint32_t>(asked)) ++full_rounds;
    if (rounds[round] < static_cast<uint32_t>(asked)) taken_last += rounds[round];
    taken += rounds[round];
  }
  std::vector<Part> parts;
  parts.reserve(racks.size());
  for (const Rack& rack : racks) {
    const uint32_t lowest = std::min(rack.size, full_rounds);
    const uint32_t highest = taken_last > 0 ? std::min(rack.size, full_rounds + 1) : lowest;
    parts.push_back({rack.weight, double(lowest) * ring_size, double(highest) * ring_size});
  }
  return Fill(parts, double(taken) * ring_size);
}

}  // namespace

std::vector<double> FairLoads(std::span<const WeightedMember> members, uint32_t ring_size,
                              uint32_t replicas) {
  const std::vector<Rack> racks = RacksOf(members);
  const std::vector<double> rack_loads = RackLoads(racks, ring_size, replicas);
  std::vector<std::vector<size_t>> members_of(racks.size());
  for (size_t i = 0; i < members.size(); ++i) members_of[members[i].rack].push_back(i);
  std::vector<double> loads(members.size());
  for (size_t rack = 0; rack < racks.size(); ++rack) {
    std::vector<Part> parts;
    parts.reserve(members_of[rack].size());
    for (const size_t i : members_of[rack]) {
      parts.push_back({members[i].weight, 0, double(ring_size)});
    }
    const std::vector<double> filled = Fill(parts, rack_loads[rack]);
    for (size_t j = 0; j < filled.size(); ++j) loads[members_of[rack][j]] = filled[j];
  }
  return loads;
}

}  // namespace metaring::placement
