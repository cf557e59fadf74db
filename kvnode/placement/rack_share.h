// SPDX-License-Identifier: Apache-2.0
//
// How the tokens of one rack are divided among its nodes, when every list has one of the rack's
// tokens at most: then a token that goes from one node of the rack to another takes its own slot
// replicas with it and changes nothing else. What remains is to balance sums.
#ifndef METARING_KVNODE_PLACEMENT_RACK_SHARE_H_
#define METARING_KVNODE_PLACEMENT_RACK_SHARE_H_

#include <cstdint>
#include <vector>

#include "kvnode/placement/preference.h"

namespace metaring::placement {

struct RackToken {
  uint32_t load;  // slot replicas that go with it
  Member node;    // of the rack, counted from 0; kNobody: to be given to one
};

// What the nodes of a rack should hold.
struct RackShares {
  std::vector<double> fair_loads;  // slot replicas of each node, > 0
  double fair_tokens;              // of all nodes together
  double load_min;                 // a node lacks some below so many times what is fair
  double load_max;                 // and has too much above so many times
};

// The nodes of `tokens`, which are in the order of the ring: free ones are given away, nodes that
// lack a token's worth or more are filled, nodes that have clearly too much are relieved, and the
// rest keep what they have. What is really there is shared in proportion to the fair loads.
std::vector<Member> ShareTokens(std::vector<RackToken> tokens, const RackShares& shares);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_RACK_SHARE_H_
