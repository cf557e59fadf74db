// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/membership.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace metaring::strong {
namespace {

using raft::Configuration;
using raft::Member;
using raft::MemberRole;

bool Wanted(const std::vector<NodeId>& target, NodeId node) {
  return std::find(target.begin(), target.end(), node) != target.end();
}

// The voter that is to go first: any but the leader, whose going costs an election.
const Member* FirstToGo(const Configuration& now, const std::vector<NodeId>& target,
                        NodeId leader) {
  const Member* first = nullptr;
  for (const Member& member : now.members()) {
    if (Wanted(target, member.node)) continue;
    if (first == nullptr || first->node == leader) first = &member;
  }
  return first;
}

}  // namespace

std::optional<Configuration> NextStep(const Configuration& now, const std::vector<NodeId>& target,
                                      NodeId leader) {
  std::vector<Member> members = now.members();
  bool learners_come = false;
  for (const NodeId node : target) {
    if (now.Find(node) != nullptr) continue;
    members.push_back({.node = node, .role = MemberRole::kLearner});
    learners_come = true;
  }
  if (learners_come) return Configuration(std::move(members));
  for (Member& member : members) {
    if (member.role != MemberRole::kLearner || !Wanted(target, member.node)) continue;
    member.role = MemberRole::kVoter;
    return Configuration(std::move(members));
  }
  const Member* const goes = FirstToGo(now, target, leader);
  if (goes == nullptr) return std::nullopt;
  std::erase_if(members, [&](const Member& member) { return member.node == goes->node; });
  return Configuration(std::move(members));
}

Status ProposeConfiguration(Shared& shared, Group& group, const Configuration& configuration) {
  const auto proposed = group.core.ProposeConfiguration(configuration);
  if (!proposed) return Fail(proposed.error());
  auto payload = std::make_shared<const Bytes>(EncodeConfiguration(configuration));
  shared.AppendOwn(group, proposed->index, {EntryKind::kConfiguration, std::move(payload)});
  shared.heartbeats_stale = true;
  return {};
}

void StepToTarget(Shared& shared, Group& group) {
  if (!group.waiting || group.waiting->target.empty() || !group.Leads()) return;
  const auto next = NextStep(group.core.configuration(), group.waiting->target, shared.host.self);
  if (!next) {
    group.waiting->target.clear();
    return;
  }
  // Not now (kBusy) means at a later tick: the one before is not committed, or a learner lags.
  (void)ProposeConfiguration(shared, group, *next);
}

}  // namespace metaring::strong
