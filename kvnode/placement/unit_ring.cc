// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/unit_ring.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "kvnode/base/check.h"
#include "kvnode/base/random.h"

namespace metaring::placement {
namespace {

// What these are worth, against parts of a share of tokens. Found by trying with placement_report
// (tests/bench): half or twice of each is no better.
constexpr double kCrowdingCost = 0.06;  // for each neighbour that is one slot too close
constexpr double kWasteCost = 0.03;     // for each replica that moves to no avail
constexpr double kFreeBonus = 0.3;      // a token that nobody holds
constexpr double kRunBonus = 0.3;       // in neighbours: where it makes a run of one order longer
constexpr double kFarCost = 0.3;        // in neighbours: for one that a longer list would meet
constexpr double kSameRackCost = 2;     // in neighbours: for each list that would be of one rack
// First replicas against replicas, in what Level makes small.
constexpr double kTokenWeight = 0.5;
// Bounds of the work of one step.
constexpr size_t kSlotsTriedMax = 32;
constexpr size_t kUnitsTriedMax = 8;

constexpr double kNoProgress = -1e-9;  // a change that is not less than this is rounding

// Equal scores are told apart by this, so that neighbours are mixed and the slots of a node that
// fails fall to many others.
double TieBreak(uint32_t slot, Member unit) {
  constexpr double kSmall = 1e-7;
  const double fraction = static_cast<double>(Random(uint64_t{slot} << 16 | unit).Next() >> 11) /
                          static_cast<double>(uint64_t{1} << 53);
  return kSmall * fraction;
}

std::vector<RackIndex> RacksOf(const std::vector<Unit>& units) {
  std::vector<RackIndex> racks;
  racks.reserve(units.size());
  for (const Unit& unit : units) racks.push_back(unit.rack);
  return racks;
}

double Distance(double is, double fair) {
  return (is - fair) * (is - fair) / fair;
}

}  // namespace

UnitRing::UnitRing(std::vector<Unit> units, TokenState state, uint32_t replicas)
    : units_(std::move(units)),
      replicas_(replicas),
      holder_fair_tokens_(std::move(state.holder_fair_tokens)),
      owners_(std::move(state.owners)),
      holders_(std::move(state.holders)),
      tokens_(units_.size()),
      holder_tokens_(holder_fair_tokens_.size()),
      loads_(units_.size()),
      walk_(RacksOf(units_), replicas) {
  CHECK(!units_.empty() && owners_.size() == holders_.size());
  // With as many units as replicas all hold everything; to ask for more distance than this would
  // only make their order one and the same everywhere.
  const auto count = static_cast<uint32_t>(units_.size());
  apart_ = count < 2 ? 1 : std::max(2U, std::min(replicas, count - 1));
  run_slots_ = std::max(8 * replicas, static_cast<uint32_t>(owners_.size()) / 8);
  tight_ = count == replicas + 1 || (count == replicas && !UnitsHold());
  far_apart_ = tight_ ? apart_ : std::max(apart_, std::min(kReplicasMax, count - 1));
  std::set<RackIndex> racks;
  for (const Unit& unit : units_) racks.insert(unit.rack);
  racks_matter_ = racks.size() > 1 && racks.size() < units_.size();
  for (size_t slot = 0; slot < owners_.size(); ++slot) {
    if (owners_[slot] != kNobody) ++tokens_[owners_[slot]];
    if (!UnitsHold() && holders_[slot] != kNobody) ++holder_tokens_[holders_[slot]];
  }
}

void UnitRing::Give(uint32_t slot, Member unit) {
  if (owners_[slot] != kNobody) --tokens_[owners_[slot]];
  if (!UnitsHold() && holders_[slot] != kNobody) --holder_tokens_[holders_[slot]];
  owners_[slot] = unit;
  holders_[slot] = UnitsHold() ? unit : kNobody;
  ++tokens_[unit];
  ++tokens_moved_;
}

double UnitRing::Surplus(Member unit) const {
  return (tokens_[unit] - units_[unit].fair_tokens) / units_[unit].fair_tokens;
}

double UnitRing::Eagerness(uint32_t slot) const {
  const double surplus = Surplus(owners_[slot]);
  if (UnitsHold()) return surplus;
  const Member holder = holders_[slot];
  if (holder == kNobody) return surplus + kFreeBonus;
  const double fair = holder_fair_tokens_[holder];
  return surplus + (holder_tokens_[holder] - fair) / fair;
}

double UnitRing::Crowding(uint32_t slot, Member unit) const {
  const auto size = static_cast<uint32_t>(owners_.size());
  const auto at = [&](uint32_t ahead) { return owners_[(slot + size + ahead) % size]; };
  double crowding = 0;
  for (uint32_t d = 1; d < std::min(apart_, size); ++d) {
    crowding += (apart_ - d + 1) * ((at(d) == unit ? 1 : 0) + (at(size - d) == unit ? 1 : 0));
  }
  if (tight_) {
    const uint32_t run = replicas_ % size;
    const auto follows = [&](uint32_t ahead) {
      const uint32_t other = (slot + size + ahead) % size;
      return other / run_slots_ == slot / run_slots_ && owners_[other] == unit;
    };
    crowding -= kRunBonus * ((follows(run) ? 1 : 0) + (follows(size - run) ? 1 : 0));
  }
  for (uint32_t d = apart_; d < std::min(far_apart_, size); ++d) {
    crowding += kFarCost * ((at(d) == unit ? 1 : 0) + (at(size - d) == unit ? 1 : 0));
  }
  if (!racks_matter_ || size < replicas_) return crowding;
  const auto same_rack = [&](uint32_t ahead) {
    const Member other = at(ahead);
    return other != kNobody && units_[other].rack == units_[unit].rack;
  };
  // Each of the `replicas_` windows of so many slots that have `slot` in them.
  uint32_t behind = 0;
  while (behind + 1 < replicas_ && same_rack(size - behind - 1)) ++behind;
  uint32_t ahead = 0;
  while (ahead + 1 < replicas_ && same_rack(ahead + 1)) ++ahead;
  const uint32_t together = behind + 1 + ahead;
  return together < replicas_ ? crowding : crowding + kSameRackCost * (together - replicas_ + 1);
}

double UnitRing::PlaceCost(uint32_t slot, Member unit) {
  const Effect effect = Try(slot, unit);
  return kCrowdingCost * Crowding(slot, unit) + kWasteCost * (effect.moved - effect.gained) -
         TieBreak(slot, unit);
}

std::vector<uint32_t> UnitRing::SlotsOf(Member unit) const {
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slot < owners_.size(); ++slot) {
    if (owners_[slot] == unit) slots.push_back(slot);
  }
  return slots;
}

void UnitRing::FillEmpty() {
  for (uint32_t slot = 0; slot < owners_.size(); ++slot) {
    if (owners_[slot] != kNobody) continue;
    Member best = 0;
    double best_score = std::numeric_limits<double>::infinity();
    for (Member unit = 0; unit < unit_count(); ++unit) {
      const double after = Surplus(unit) + 1 / units_[unit].fair_tokens;
      const double score = after + kCrowdingCost * Crowding(slot, unit) + TieBreak(slot, unit);
      if (score >= best_score) continue;
      best = unit;
      best_score = score;
    }
    Give(slot, best);
  }
}

void UnitRing::FillShort(double tokens_min) {
  for (Member unit = 0; unit < unit_count(); ++unit) {
    const double fair = units_[unit].fair_tokens;
    if (tokens_[unit] >= std::floor(tokens_min * fair)) continue;
    std::vector<uint32_t> slots;
    for (uint32_t slot = 0; slot < owners_.size(); ++slot) {
      if (owners_[slot] != unit) slots.push_back(slot);
    }
    Transfer(slots, {unit}, static_cast<uint32_t>(std::lround(fair)) - tokens_[unit]);
  }
}

void UnitRing::Relieve(double tokens_max) {
  std::vector<Member> order(units_.size());
  std::iota(order.begin(), order.end(), Member{0});
  std::stable_sort(order.begin(), order.end(),
                   [this](Member a, Member b) { return Surplus(a) > Surplus(b); });
  const auto over = [this, tokens_max](Member unit) {
    return std::floor(tokens_[unit] - tokens_max * units_[unit].fair_tokens);
  };
  const auto surplus = [this](Member unit) { return Surplus(unit); };
  for (const Member unit : order) {
    for (uint32_t before = 0; over(unit) >= 1 && before != tokens_[unit];) {
      before = tokens_[unit];
      Transfer(SlotsOf(unit), Emptiest(unit, surplus), static_cast<uint32_t>(over(unit)));
    }
  }
}

// Costs are computed once, and again only near a slot that has changed.
void UnitRing::Transfer(const std::vector<uint32_t>& slots, const std::vector<Member>& units,
                        uint32_t count) {
  walk_.Count(owners_);
  std::vector<double> costs;
  costs.reserve(slots.size() * units.size());
  for (const uint32_t slot : slots) {
    for (const Member unit : units) costs.push_back(PlaceCost(slot, unit));
  }
  const auto size = static_cast<uint32_t>(owners_.size());
  const uint32_t near = std::min(3 * replicas_, (size - 1) / 2);
  std::vector<uint8_t> taken(slots.size());
  for (; count > 0; --count) {
    size_t best = costs.size();
    double best_score = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < slots.size(); ++i) {
      if (taken[i] != 0 || tokens_[owners_[slots[i]]] < 2) continue;
      const double eagerness = Eagerness(slots[i]);
      for (size_t j = 0; j < units.size(); ++j) {
        const double surplus = Surplus(units[j]);
        const double score = eagerness - surplus - costs[i * units.size() + j];
        if (surplus > 0 || score <= best_score) continue;
        best = i * units.size() + j;
        best_score = score;
      }
    }
    if (best == costs.size()) return;
    const uint32_t slot = slots[best / units.size()];
    taken[best / units.size()] = 1;
    Give(slot, units[best % units.size()]);
    for (uint32_t offset = size - near; offset <= size + near; ++offset) {
      const uint32_t other = (slot + offset) % size;
      const auto found = std::lower_bound(slots.begin(), slots.end(), other);
      if (found == slots.end() || *found != other) continue;
      const auto i = static_cast<size_t>(found - slots.begin());
      for (size_t j = 0; j < units.size() && taken[i] == 0; ++j) {
        costs[i * units.size() + j] = PlaceCost(other, units[j]);
      }
    }
  }
}

void UnitRing::NoteChange(Member unit, int change) {
  for (auto& [member, sum] : load_changes_) {
    if (member != unit) continue;
    sum += change;
    return;
  }
  load_changes_.emplace_back(unit, change);
}

void UnitRing::NoteMoves(uint32_t slot, std::span<const uint32_t> before,
                         std::span<const uint32_t> after, Effect& effect) const {
  for (const uint32_t position : after) {
    if (position == slot) {
      ++effect.moved;
      ++effect.gained;
      continue;
    }
    const Member holder = holders_[position];
    const bool held = std::any_of(before.begin(), before.end(),
                                  [&](uint32_t old) { return holders_[old] == holder; });
    if (holder != kNobody && !held) ++effect.moved;
  }
}

// Lists that could change begin at `slot` and anticlockwise of it, as far as their walks reach it.
// (A walk that begins further back never ends further on.)
UnitRing::Effect UnitRing::Try(uint32_t slot, Member unit) {
  const auto size = static_cast<uint32_t>(owners_.size());
  const Member from = owners_[slot];
  load_changes_.clear();
  Effect effect;
  for (uint32_t back = 0; back < size; ++back) {
    const uint32_t begin = (slot + size - back) % size;
    const auto list = walk_.From(owners_, begin);
    const bool reached = walk_.reach() > back;
    std::array<uint32_t, kReplicasMax> before{};
    std::copy(list.begin(), list.end(), before.begin());
    for (const uint32_t position : list) NoteChange(owners_[position], -1);
    owners_[slot] = unit;
    const auto after = walk_.From(owners_, begin);
    for (const uint32_t position : after) NoteChange(owners_[position], 1);
    const bool reaches = walk_.reach() > back;
    NoteMoves(slot, std::span(before).first(after.size()), after, effect);
    owners_[slot] = from;
    if (!reached && !reaches) break;
  }
  effect.cost_change = CostChange(from, unit);
  return effect;
}

double UnitRing::CostChange(Member from, Member to) const {
  double change = 0;
  for (const auto& [member, load_change] : load_changes_) {
    const double load = loads_[member];
    change += Distance(load + load_change, units_[member].fair_load) -
              Distance(load, units_[member].fair_load);
  }
  const auto token_cost = [this](Member unit, double tokens) {
    return kTokenWeight * replicas_ * Distance(tokens, units_[unit].fair_tokens);
  };
  change += token_cost(from, tokens_[from] - 1.0) - token_cost(from, tokens_[from]);
  return change + token_cost(to, tokens_[to] + 1.0) - token_cost(to, tokens_[to]);
}

void UnitRing::Measure() {
  walk_.Count(owners_);
  std::fill(loads_.begin(), loads_.end(), 0);
  for (uint32_t slot = 0; slot < owners_.size(); ++slot) {
    for (const uint32_t position : walk_.From(owners_, slot)) ++loads_[owners_[position]];
  }
}

std::vector<uint32_t> UnitRing::TokenLoads() {
  walk_.Count(owners_);
  std::vector<uint32_t> token_loads(owners_.size());
  for (uint32_t slot = 0; slot < owners_.size(); ++slot) {
    for (const uint32_t position : walk_.From(owners_, slot)) ++token_loads[position];
  }
  return token_loads;
}

Member UnitRing::Fullest(double load_max) const {
  Member fullest = kNobody;
  double most = load_max;
  for (Member unit = 0; unit < unit_count(); ++unit) {
    if (tokens_[unit] < 2) continue;
    const double load = loads_[unit] / units_[unit].fair_load;
    const double tokens = (tokens_[unit] - 1) / units_[unit].fair_tokens;
    if (std::max(load, tokens) <= most) continue;
    fullest = unit;
    most = std::max(load, tokens);
  }
  return fullest;
}

template <typename Fullness>
std::vector<Member> UnitRing::Emptiest(Member except, Fullness fullness) const {
  std::vector<Member> emptiest;
  for (Member unit = 0; unit < unit_count(); ++unit) {
    if (unit != except) emptiest.push_back(unit);
  }
  const size_t size = std::min(kUnitsTriedMax, emptiest.size());
  std::partial_sort(emptiest.begin(), emptiest.begin() + static_cast<ptrdiff_t>(size),
                    emptiest.end(), [&](Member a, Member b) {
                      const double full_a = fullness(a);
                      const double full_b = fullness(b);
                      return full_a < full_b || (full_a == full_b && a < b);
                    });
  emptiest.resize(size);
  return emptiest;
}

void UnitRing::Level(double load_max, uint64_t moved_max) {
  Measure();
  for (uint64_t moved = 0; moved < moved_max;) {
    const Member fullest = Fullest(load_max);
    if (fullest == kNobody) return;
    const std::vector<uint32_t> slots = SlotsOf(fullest);
    const size_t step = (slots.size() + kSlotsTriedMax - 1) / kSlotsTriedMax;
    const std::vector<Member> emptiest =
        Emptiest(fullest, [this](Member unit) { return loads_[unit] / units_[unit].fair_load; });
    const auto moved_by = [this](uint32_t slot, const Effect& effect) {
      const bool free = !UnitsHold() && holders_[slot] == kNobody;
      return std::max(1U, free ? effect.moved - effect.gained : effect.moved);
    };
    double best_change = kNoProgress;  // for each replica that moves
    uint32_t best_slot = 0;
    Member best_unit = kNobody;
    for (size_t i = 0; i < slots.size(); i += step) {
      for (const Member unit : emptiest) {
        const Effect effect = Try(slots[i], unit);
        const double change = effect.cost_change / moved_by(slots[i], effect);
        if (change >= best_change) continue;
        best_change = change;
        best_slot = slots[i];
        best_unit = unit;
      }
    }
    if (best_unit == kNobody) return;
    moved += moved_by(best_slot, Try(best_slot, best_unit));
    for (const auto& [member, change] : load_changes_) {
      loads_[member] = static_cast<uint32_t>(static_cast<int>(loads_[member]) + change);
    }
    Give(best_slot, best_unit);
  }
}

}  // namespace metaring::placement
