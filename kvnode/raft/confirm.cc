// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/confirm.h"

#include <algorithm>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::raft {

void ConfirmRounds::Join(GroupTerm group, const Configuration& configuration, NodeId self) {
  for (const Member& member : configuration.members()) {
    if (member.role == MemberRole::kVoter && member.node != self) {
      asked_[member.node].push_back(group);
    }
  }
}

std::vector<ConfirmMessage> ConfirmRounds::Seal() {
  std::vector<ConfirmMessage> messages;
  for (const auto& [peer, groups] : asked_) {
    for (size_t from = 0; from < groups.size(); from += kConfirmGroupsMax) {
      const size_t to = std::min(from + kConfirmGroupsMax, groups.size());
      messages.push_back({peer,
                          open_,
                          {groups.begin() + static_cast<std::ptrdiff_t>(from),
                           groups.begin() + static_cast<std::ptrdiff_t>(to)}});
    }
  }
  asked_.clear();
  open_ = RoundId(open_.value() + 1);
  return messages;
}

bool ReadRounds::Join(RoundId round, LogIndex read_index) {
  CHECK(rounds_.empty() || rounds_.back().id <= round);
  if (!rounds_.empty() && rounds_.back().id == round) {
    rounds_.back().read_index = std::max(rounds_.back().read_index, read_index);
    return false;
  }
  if (rounds_.size() >= kReadRoundsMax) {
    rounds_[1].read_index = std::max(rounds_[0].read_index, rounds_[1].read_index);
    rounds_.erase(rounds_.begin());
  }
  rounds_.push_back({round, read_index, {}});
  return true;
}

bool ReadRounds::Confirmed(RoundId round, NodeId voter) {
  for (Round& waiting : rounds_) {
    if (waiting.id != round) continue;
    std::vector<NodeId>& by = waiting.confirmed;
    if (std::find(by.begin(), by.end(), voter) == by.end() && by.size() < kMembersMax) {
      by.push_back(voter);
    }
    return true;
  }
  return false;
}

std::optional<ConfirmedReads> ReadRounds::Take(const Configuration& configuration, NodeId self,
                                               Term term) {
  for (size_t i = rounds_.size(); i > 0; --i) {
    const Round& round = rounds_[i - 1];
    size_t votes = configuration.IsVoter(self) ? 1 : 0;
    for (const NodeId voter : round.confirmed) votes += configuration.IsVoter(voter) ? 1 : 0;
    if (votes < configuration.majority()) continue;
    // read_index never falls from round to round, so the latest serves all of them.
    const ConfirmedReads confirmed{round.id, term, round.read_index};
    rounds_.erase(rounds_.begin(), rounds_.begin() + static_cast<std::ptrdiff_t>(i));
    return confirmed;
  }
  return std::nullopt;
}

}  // namespace metaring::raft
