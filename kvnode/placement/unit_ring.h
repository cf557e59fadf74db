// SPDX-License-Identifier: Apache-2.0
//
// UnitRing: the ring while tokens are being allocated, seen as a circle of *units*. A unit is what
// may be only once in a preference list: a rack, where there are enough of them, else a node. Where
// any few neighbours on the circle are different units, a token stands for exactly `replicas` slot
// replicas, and to give it away moves just those: balance of tokens is then balance of replicas and
// of first replicas at once, and every step is as small as it can be. So tokens are placed to keep
// equal units apart, best in runs of the same order (A B C A B C), because where two runs meet a
// token changes its owner at no other cost. What remains uneven is measured by the walk itself
// (preference.h) and levelled.
#ifndef METARING_KVNODE_PLACEMENT_UNIT_RING_H_
#define METARING_KVNODE_PLACEMENT_UNIT_RING_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kvnode/placement/preference.h"

namespace metaring::placement {

struct Unit {
  RackIndex rack;
  double fair_load;    // slot replicas that it should hold; > 0
  double fair_tokens;  // slots that it should be the first of
};

// Who has the tokens now. A unit may have several holders (the nodes of a rack).
struct TokenState {
  std::vector<Member> owners;   // the unit of each slot, or kNobody
  std::vector<Member> holders;  // the holder of each slot, or kNobody: free, at no cost
  // By holder. Empty when the units are the holders, and numbered alike.
  std::vector<double> holder_fair_tokens;
};

// One caller.
class UnitRing {
 public:
  UnitRing(std::vector<Unit> units, TokenState state, uint32_t replicas);

  // Gives each slot of nobody to a unit.
  void FillEmpty();
  // Units that have less than `tokens_min` times their share of tokens get all of it.
  void FillShort(double tokens_min);
  // Units that have over `tokens_max` times their share of tokens give what is over to others.
  void Relieve(double tokens_max);
  // While a unit holds over `load_max` times its fair load, gives tokens of it to others, as long
  // as that helps and until `moved_max` slot replicas have moved.
  void Level(double load_max, uint64_t moved_max);

  const std::vector<Member>& owners() const { return owners_; }
  // kNobody where a token has changed its unit.
  const std::vector<Member>& holders() const { return holders_; }
  // By slot: how many lists its token is in.
  std::vector<uint32_t> TokenLoads();
  uint32_t tokens_moved() const { return tokens_moved_; }

 private:
  // What would happen if a slot changed its owner.
  struct Effect {
    double cost_change = 0;  // of all units' distance from what is fair
    uint32_t moved = 0;      // slot replicas that get another holder
    uint32_t gained = 0;     // of these, those of the new owner
  };

  Member unit_count() const { return static_cast<Member>(units_.size()); }
  bool UnitsHold() const { return holder_fair_tokens_.empty(); }
  void Give(uint32_t slot, Member unit);
  Effect Try(uint32_t slot, Member unit);
  void NoteChange(Member unit, int change);
  void NoteMoves(uint32_t slot, std::span<const uint32_t> before, std::span<const uint32_t> after,
                 Effect& effect) const;
  double CostChange(Member from, Member to) const;

  // How many tokens too many, in parts of the share; below 0: too few.
  double Surplus(Member unit) const;
  // How much the owner and the holder of `slot` would like to lose it.
  double Eagerness(uint32_t slot) const;
  // How badly `unit` would stand at `slot`.
  double Crowding(uint32_t slot, Member unit) const;
  // The same with the replicas that would move to no avail.
  double PlaceCost(uint32_t slot, Member unit);
  // The best `count` of `slots`, which are sorted, go to the best of `units`.
  void Transfer(const std::vector<uint32_t>& slots, const std::vector<Member>& units,
                uint32_t count);
  std::vector<uint32_t> SlotsOf(Member unit) const;

  void Measure();
  // The one that is most over `load_max` times its share, or kNobody.
  Member Fullest(double load_max) const;
  // The few others that have least, by `fullness`.
  template <typename Fullness>
  std::vector<Member> Emptiest(Member except, Fullness fullness) const;

  const std::vector<Unit> units_;
  const uint32_t replicas_;
  const std::vector<double> holder_fair_tokens_;
  uint32_t apart_;      // equal units must be this far from each other
  uint32_t far_apart_;  // and should be this far, for keyspaces of more replicas
  bool tight_;          // there is no more than one unit more than replicas: runs are wanted
  uint32_t run_slots_;  // where runs end, so that not all are of the same order
  bool racks_matter_;   // units are in several racks, and more than one of a rack is in a list
  std::vector<Member> owners_;
  std::vector<Member> holders_;
  std::vector<uint32_t> tokens_;         // by unit
  std::vector<uint32_t> holder_tokens_;  // by holder, if units are not
  std::vector<uint32_t> loads_;  // by unit; of the last Measure and the steps of Level since
  uint32_t tokens_moved_ = 0;
  PreferenceWalk walk_;
  std::vector<std::pair<Member, int>> load_changes_;  // of the last Try
};

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_UNIT_RING_H_
