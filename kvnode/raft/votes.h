// SPDX-License-Identifier: Apache-2.0
//
// Votes: the tally of one election, or of its rehearsal.
#ifndef METARING_KVNODE_RAFT_VOTES_H_
#define METARING_KVNODE_RAFT_VOTES_H_

#include <algorithm>
#include <vector>

#include "kvnode/raft/configuration.h"

namespace metaring::raft {

// One caller.
class Votes {
 public:
  // A node says yes. Saying it again changes nothing.
  void Grant(NodeId voter) {
    const bool known = std::find(granted_.begin(), granted_.end(), voter) != granted_.end();
    if (!known && granted_.size() < kMembersMax) granted_.push_back(voter);
  }
  // Whether a majority of the voters said yes. Others do not count.
  bool Won(const Configuration& configuration) const {
    const auto yes = std::count_if(granted_.begin(), granted_.end(),
                                   [&](NodeId node) { return configuration.IsVoter(node); });
    return static_cast<size_t>(yes) >= configuration.majority();
  }

 private:
  std::vector<NodeId> granted_;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_VOTES_H_
