// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/configuration.h"

#include <algorithm>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::raft {
namespace {

bool ById(const Member& a, const Member& b) {
  return a.node < b.node;
}

Status Invalid(const std::string& why) {
  return Fail(ErrorCode::kInvalidArgument, "configuration: " + why);
}

std::vector<NodeId> VotersOf(const Configuration& configuration) {
  std::vector<NodeId> voters;
  for (const Member& member : configuration.members()) {
    if (member.role == MemberRole::kVoter) voters.push_back(member.node);
  }
  return voters;
}

}  // namespace

Configuration::Configuration(std::vector<Member> members) : members_(std::move(members)) {
  std::sort(members_.begin(), members_.end(), ById);
  members_.shrink_to_fit();
}

Configuration Configuration::OfVoters(const std::vector<NodeId>& voters) {
  std::vector<Member> members;
  members.reserve(voters.size());
  for (const NodeId node : voters) members.push_back({.node = node});
  return Configuration(std::move(members));
}

const Member* Configuration::Find(NodeId node) const {
  const auto at = std::lower_bound(members_.begin(), members_.end(), Member{.node = node}, ById);
  return at != members_.end() && at->node == node ? &*at : nullptr;
}

bool Configuration::IsVoter(NodeId node) const {
  const Member* member = Find(node);
  return member != nullptr && member->role == MemberRole::kVoter;
}

size_t Configuration::voters() const {
  return static_cast<size_t>(
      std::count_if(members_.begin(), members_.end(),
                    [](const Member& member) { return member.role == MemberRole::kVoter; }));
}

Status Configuration::Check() const {
  if (members_.size() > kMembersMax) {
    return Invalid("more than " + std::to_string(kMembersMax) + " members");
  }
  bool voter_in_sync = false;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    if (member.node == NodeId()) return Invalid("node 0 is nobody");
    if (i > 0 && members_[i - 1].node == member.node) {
      return Invalid("node " + std::to_string(member.node.value()) + " twice");
    }
    voter_in_sync |= member.role == MemberRole::kVoter && member.in_sync;
  }
  if (!voter_in_sync) return Invalid("no voter is in sync");
  return {};
}

bool ChangesMembers(const Configuration& from, const Configuration& to) {
  const auto same = [](const Member& a, const Member& b) {
    return a.node == b.node && a.role == b.role;
  };
  return !std::equal(from.members().begin(), from.members().end(), to.members().begin(),
                     to.members().end(), same);
}

Status CheckStep(const Configuration& from, const Configuration& to) {
  RETURN_IF_ERROR(to.Check());
  const std::vector<NodeId> before = VotersOf(from);
  const std::vector<NodeId> after = VotersOf(to);
  std::vector<NodeId> changed;
  std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                std::back_inserter(changed));
  if (changed.size() > 1) return Invalid("more than one voter changes");
  if (changed.size() == 1 && to.IsVoter(changed.front()) && from.Find(changed.front()) == nullptr) {
    return Invalid("node " + std::to_string(changed.front().value()) +
                   " must be a learner before it is a voter");
  }
  return {};
}

std::string Describe(const Configuration& configuration) {
  std::string text;
  for (const Member& member : configuration.members()) {
    if (!text.empty()) text += ' ';
    text += std::to_string(member.node.value());
    if (member.role == MemberRole::kLearner) text += '*';
    if (member.role == MemberRole::kVoter && !member.in_sync) text += '!';
  }
  return text;
}

const std::vector<ConfigurationEntry>& ConfigurationLog::pending() const {
  static const std::vector<ConfigurationEntry> kNone;
  return pending_ ? *pending_ : kNone;
}

void ConfigurationLog::Append(ConfigurationEntry entry) {
  CHECK(entry.index > latest_index());
  if (full()) CommittedTo(pending_->front().index);
  if (!pending_) pending_ = std::make_unique<std::vector<ConfigurationEntry>>();
  pending_->push_back(std::move(entry));
}

void ConfigurationLog::TruncateFrom(LogIndex index) {
  while (pending_ && pending_->back().index >= index) {
    pending_->pop_back();
    if (pending_->empty()) pending_.reset();
  }
}

void ConfigurationLog::CommittedTo(LogIndex index) {
  while (pending_ && pending_->front().index <= index) {
    committed_ = std::move(pending_->front());
    pending_->erase(pending_->begin());
    if (pending_->empty()) pending_.reset();
  }
}

}  // namespace metaring::raft
