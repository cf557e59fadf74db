// SPDX-License-Identifier: Apache-2.0
//
// Membership: from what a group's configuration is to what it is to be, by steps of which each is
// safe alone: learners come, catch up and vote; then who is too many goes, the leader last.
#ifndef METARING_KVNODE_STRONG_MEMBERSHIP_H_
#define METARING_KVNODE_STRONG_MEMBERSHIP_H_

#include <optional>
#include <vector>

#include "kvnode/strong/shared.h"

namespace metaring::strong {

// The next step from `now` to the voters `target`, as `leader` should take it; nothing: it is
// reached.
std::optional<raft::Configuration> NextStep(const raft::Configuration& now,
                                            const std::vector<NodeId>& target, NodeId leader);

// A configuration entry of a leader. Errors as raft::Core::ProposeConfiguration.
Status ProposeConfiguration(Shared& shared, Group& group, const raft::Configuration& configuration);

// Takes the next step to Waiting::target, if there is one and it can be taken now.
void StepToTarget(Shared& shared, Group& group);

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_MEMBERSHIP_H_
