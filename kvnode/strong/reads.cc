// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/reads.h"

#include <utility>

namespace metaring::strong {

using raft::ReadVerdict;

void Reads::Answer(WaitingRead& read, Result<ReadTicket> ticket) {
  shared_.Answer([done = std::move(read.done), ticket = std::move(ticket)]() mutable {
    done(std::move(ticket));
  });
}

void Reads::Read(Group& group, ReadMode mode, ReadCallback done) {
  WaitingRead read{mode, {}, {}, std::move(done)};
  if (mode == ReadMode::kStale) {
    if (!group.erasing) return Answer(read, ReadTicket{group.id(), mode, {}});
    return Answer(read, Fail(ErrorCode::kUnavailable, "the replica is being replaced"));
  }
  if (!group.Leads()) {
    return Answer(read, Fail(ErrorCode::kUnavailable, "this replica does not lead the group"));
  }
  shared_.WaitingOf(group).reads.push_back(std::move(read));
  shared_.Tick(group);
  Serve(group);
}

void Reads::Serve(Group& group) {
  if (!group.waiting || group.waiting->reads.empty()) return;
  const raft::ReadGate gate = group.core.Gate();
  const ReadVerdict lease = gate.ByLease(group.applied, shared_.Now(), shared_.host.received);
  std::vector<WaitingRead> left;
  bool joins = false;
  for (WaitingRead& read : std::exchange(group.waiting->reads, {})) {
    if (read.confirmed) {
      if (group.applied >= read.confirmed->read_index) {
        Answer(read, ReadTicket{group.id(), ReadMode::kReadIndex, *read.confirmed});
        continue;
      }
    } else if (read.round == raft::RoundId()) {
      if (read.mode == ReadMode::kLease && lease == ReadVerdict::kServe) {
        Answer(read, ReadTicket{group.id(), ReadMode::kLease, {}});
        continue;
      }
      if (read.mode != ReadMode::kLease || lease != ReadVerdict::kBehind) {
        read.round = rounds_.open();
        joins = true;
      }
    }
    left.push_back(std::move(read));
  }
  group.waiting->reads = std::move(left);
  if (joins) Join(group);
}

void Reads::Join(Group& group) {
  const auto joined = group.core.ReadIndex(rounds_.open());
  shared_.Touch(group);
  if (!joined) return;  // it leads no more; the round that follows answers who waits
  if (*joined == raft::ReadJoin::kAsk) {
    rounds_.Join({group.id(), group.core.term()}, group.core.configuration(), shared_.host.self);
  }
  asking_ = true;
}

void Reads::Confirmed(Group& group, const raft::ConfirmedReads& confirmed) {
  if (!group.waiting) return;
  for (WaitingRead& read : group.waiting->reads) {
    const bool covered = read.round != raft::RoundId() && read.round <= confirmed.through;
    if (covered && !read.confirmed) read.confirmed = confirmed;
  }
}

void Reads::Tick(Group& group) {
  if (!group.waiting || group.waiting->reads.empty()) return;
  if (++group.waiting->read_ticks < kRepeatTicks) return;
  group.waiting->read_ticks = 0;
  bool joins = false;
  for (WaitingRead& read : group.waiting->reads) {
    if (read.confirmed || read.round == raft::RoundId() || read.round == rounds_.open()) continue;
    read.round = rounds_.open();
    joins = true;
  }
  if (joins) Join(group);
  Serve(group);
}

void Reads::ReceiveQuestion(NodeId from, const Confirmation& question) {
  Confirmation answer{question.round, {}};
  for (const raft::GroupTerm& asked : question.groups) {
    const Group* const group = shared_.Find(asked.group);
    if (group != nullptr && group->core.Follows(from, asked.term)) answer.groups.push_back(asked);
  }
  if (answer.groups.empty()) return;
  shared_.outbox.To(from).confirmations.push_back(std::move(answer));
  shared_.Schedule();
}

void Reads::ReceiveConfirmation(NodeId from, const Confirmation& confirmation) {
  for (const raft::GroupTerm& confirmed : confirmation.groups) {
    Group* const group = shared_.Find(confirmed.group);
    if (group == nullptr) continue;
    if (group->core.Confirmed(from, confirmation.round, confirmed.term)) shared_.Touch(*group);
  }
}

void Reads::Ask() {
  if (!std::exchange(asking_, false)) return;
  for (raft::ConfirmMessage& message : rounds_.Seal()) {
    shared_.outbox.To(message.peer).questions.push_back({message.round, std::move(message.groups)});
  }
}

}  // namespace metaring::strong
