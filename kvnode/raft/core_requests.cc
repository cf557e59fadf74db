// SPDX-License-Identifier: Apache-2.0
//
// What a driver asks of a leader: entries, another membership, another leader, reads.
#include <string>
#include <utility>

#include "kvnode/raft/core.h"

namespace metaring::raft {
namespace {

tl::unexpected<Error> NotLeader() {
  return Fail(ErrorCode::kUnavailable, "this replica does not lead the group");
}
tl::unexpected<Error> Busy(std::string why) {
  return Fail(ErrorCode::kBusy, std::move(why));
}

}  // namespace

Result<Proposed> Core::Propose(uint64_t count) {
  if (!leading_) return NotLeader();
  if (leading_->transfer_to != NodeId()) return Busy("leadership is being handed over");
  if (count == 0) return Fail(ErrorCode::kInvalidArgument, "count: at least 1");
  const uint64_t uncommitted = log_.last_index().value() - commit_.value();
  if (uncommitted + count > host_->options.uncommitted_entries_max) {
    return Busy("too many entries wait for a majority");
  }
  const LogIndex first = Next(log_.last_index());
  AppendEntries(LogIndex(log_.last_index().value() + count), term());
  return Proposed{first, term()};
}

Result<Proposed> Core::ProposeConfiguration(const Configuration& configuration) {
  if (!leading_) return NotLeader();
  if (leading_->transfer_to != NodeId()) return Busy("leadership is being handed over");
  const Configuration& latest = configurations_.latest();
  RETURN_IF_ERROR(CheckStep(latest, configuration));
  if (configurations_.full()) return Busy("too many configurations wait for a majority");
  if (ChangesMembers(latest, configuration)) {
    // Else two leaders can each change a configuration that the other does not know of, and their
    // majorities need not overlap (Ongaro, raft-dev, 2015-07-10).
    if (commit_ < leading_->first_index) return Busy("the leader is not established yet");
    if (!configurations_.pending().empty()) return Busy("another change is not committed yet");
  }
  for (const Member& member : configuration.members()) {
    const bool joins = member.role == MemberRole::kVoter && !latest.IsVoter(member.node);
    const uint64_t has = MatchOf(member.node).value();
    if (joins && has + host_->options.promote_lag_max < commit_.value()) {
      return Busy("node " + std::to_string(member.node.value()) + " has yet to catch up");
    }
  }
  const LogIndex index = Next(log_.last_index());
  AppendEntries(index, term());
  configurations_.Append({index, configuration});
  ReconcileMembers();
  return Proposed{index, term()};
}

Status Core::TransferLeadership(NodeId target) {
  if (!leading_) return NotLeader();
  if (target == host_->self || !configurations_.latest().IsVoter(target)) {
    return Fail(ErrorCode::kInvalidArgument, "target: must be another voter of the group");
  }
  if (leading_->transfer_to != NodeId()) return Busy("leadership is being handed over");
  leading_->transfer_to = target;
  leading_->transfer_ticks = 0;
  leading_->handed_over = false;
  Pending().role_changed = true;
  MaybeHandOver();
  return {};
}

void Core::MaybeHandOver() {
  if (leading_->transfer_to == NodeId() || leading_->handed_over) return;
  const Progress* target = FindMember(leading_->transfer_to);
  if (target == nullptr || target->match() < log_.last_index()) return;
  leading_->handed_over = true;
  leading_->lease_over = true;
  Send(target->node(), term(), TimeoutNow{});
}

Result<ReadJoin> Core::ReadIndex(RoundId round) {
  if (!leading_) return NotLeader();
  if (!leading_->reads) leading_->reads = std::make_unique<ReadRounds>();
  const bool first = leading_->reads->Join(round, std::max(commit_, leading_->first_index));
  MaybeConfirmReads();
  return first ? ReadJoin::kAsk : ReadJoin::kShared;
}

bool Core::Confirmed(NodeId peer, RoundId round, Term answered) {
  if (!leading_ || answered != term() || !leading_->reads) return false;
  Progress* member = FindMember(peer);
  if (member == nullptr || !leading_->reads->Confirmed(round, peer)) return false;
  member->silent_ticks = 0;
  MaybeConfirmReads();
  return true;
}

void Core::MaybeConfirmReads() {
  // Before that entry is committed the leader does not know what is (8; pitfall of etcd #20418).
  if (!leading_->reads || commit_ < leading_->first_index) return;
  const auto reads = leading_->reads->Take(configurations_.latest(), host_->self, term());
  if (reads) Pending().reads = *reads;
  if (leading_->reads->empty()) leading_->reads.reset();
}

bool Core::Follows(NodeId leader, Term asked) const {
  return following_ && following_->leader == leader && term() == asked &&
         persistence_.HardStateDurable();
}

ReadGate Core::Gate() const {
  if (!leading_ || commit_ < leading_->first_index) return {};
  const Configuration& configuration = configurations_.latest();
  const bool stays = leading_->transfer_to == NodeId() && !leading_->lease_over;
  if (!stays || !configuration.IsVoter(host_->self)) return {term(), commit_};
  std::vector<RecordedSupport> recorded;
  for (const Progress& member : leading_->members) {
    const bool counts = configuration.IsVoter(member.node());
    if (counts && member.support != SupportEpoch()) {
      recorded.push_back({member.node(), member.support});
    }
  }
  return {term(), commit_, configuration.majority() - 1, std::move(recorded)};
}

}  // namespace metaring::raft
