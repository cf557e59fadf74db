// SPDX-License-Identifier: Apache-2.0
//
// The follower's side of replication: AppendEntries (Raft 5.3) and InstallSnapshot (7).
#include <algorithm>
#include <utility>

#include "kvnode/raft/core.h"

namespace metaring::raft {

Dropped Core::FollowLeaderOf(const Message& message) {
  if (message.term < term()) {
    // A leader of the past learns of the present.
    Send(message.from, term(), AppendReply{.rejected = true});
    return Dropped::kStale;
  }
  if (message.term == term() && leading_) return Dropped::kContradiction;
  if (message.term > term() || election_) BecomeFollower(message.term, message.from);
  if (following_->leader == NodeId()) {
    following_->leader = message.from;
    Pending().role_changed = true;
  }
  if (following_->leader != message.from) return Dropped::kContradiction;
  led_ = false;
  elapsed_ticks_ = 0;
  return Dropped::kNo;
}

Dropped Core::OnAppend(const Message& message, const AppendRequest& append, Stepped& stepped) {
  if (const Dropped dropped = FollowLeaderOf(message); dropped != Dropped::kNo) return dropped;
  if (following_->install) {
    // Nothing of it is taken, but the leader must not think that nobody is here.
    following_->reply_owed = true;
    Acknowledge(true);
    return Dropped::kInstalling;
  }
  const LogView& entries = append.entries;
  if (entries.base() >= commit_ && !log_.Matches(entries.base(), entries.base_term())) {
    RejectAppend(append);
    return Dropped::kNo;
  }
  // What is committed is in every later leader's log (5.4.3), so it needs no comparison; but a
  // message that contradicts it proves that something is broken.
  const LogIndex agreed = std::max(entries.base(), commit_);
  if (agreed <= entries.last_index()) {
    if (entries.TermAt(agreed) != log_.TermAt(agreed)) return Dropped::kContradiction;
    // The same goes for what this leader said before: its log only grows (5.3).
    const LogIndex first_new = log_.FirstDifference(entries, agreed);
    const bool differs = first_new <= std::min(entries.last_index(), log_.last_index());
    if (differs && first_new <= following_->matched) return Dropped::kContradiction;
    TakeEntries(append, first_new, stepped);
  }
  following_->matched = std::max(following_->matched, commit_);
  CommitTo(std::min(append.commit, following_->matched));
  const bool repairing = damaged_ && append.repair == damage_;
  if (repairing && append.commit <= following_->matched && log_.TermAt(append.commit) == term()) {
    following_->repair_through = append.commit;
    CheckRepair();
  }
  following_->reply_owed = true;
  // What is written now is acknowledged when it is durable; a heartbeat wants its answer.
  Acknowledge(entries.Empty());
  return Dropped::kNo;
}

void Core::TakeEntries(const AppendRequest& append, LogIndex first_new, Stepped& stepped) {
  if (first_new <= append.entries.last_index()) {
    if (first_new <= log_.last_index()) TruncateFrom(first_new);
    AppendTail(append, first_new);
    stepped.accepted_after = Previous(first_new);
    stepped.accepted_to = log_.last_index();
  }
  const LogIndex through = std::min(append.entries.last_index(), log_.last_index());
  following_->matched = std::max(following_->matched, through);
}

void Core::AppendTail(const AppendRequest& append, LogIndex from) {
  const LogView tail = append.entries.Slice(Previous(from), append.entries.last_index());
  const std::vector<TermRun>& runs = tail.runs();
  // As much as the bound allows: what is left comes again when the log was compacted.
  for (size_t i = 0; i < runs.size() && log_.HasRoomFor(runs[i].term); ++i) {
    const LogIndex end = i + 1 < runs.size() ? Previous(runs[i + 1].first) : tail.last_index();
    if (end > log_.last_index()) AppendEntries(end, runs[i].term);
  }
  for (const ConfigurationEntry& entry : append.configurations) {
    // A log that lost entries may know of a configuration that it has yet to get again.
    if (entry.index < from || entry.index <= configurations_.latest_index()) continue;
    if (entry.index <= log_.last_index()) configurations_.Append(entry);
  }
  if (LeaderLeaves()) following_->promised = SupportEpoch();
}

void Core::RejectAppend(const AppendRequest& append) {
  // The largest index at which the logs may agree: one exchange skips all entries of the terms
  // that the leader does not have (5.3, the last paragraphs).
  const LogIndex hint = log_.LastAtMost(append.entries.base(), append.entries.base_term());
  AppendReply reply;
  reply.rejected = true;
  reply.rejected_base = append.entries.base();
  reply.match = hint;
  reply.hint_term = *log_.TermAt(hint);
  reply.commit = commit_;
  reply.damage = damage_;
  Send(following_->leader, term(), reply);
}

void Core::Acknowledge(bool at_once) {
  if (!following_ || following_->leader == NodeId() || !persistence_.HardStateDurable()) return;
  const LogIndex match = std::min(following_->matched, persistence_.durable_index());
  const bool news = match > following_->acknowledged;
  const bool answer = following_->reply_owed && (at_once || match == following_->matched);
  if (!news && !answer) return;
  following_->acknowledged = match;
  if (match == following_->matched || at_once) following_->reply_owed = false;
  AppendReply reply;
  reply.match = match;
  reply.commit = commit_;
  reply.damage = damage_;
  if (!LeaderLeaves()) reply.support = host_->given.Current(following_->leader);
  // Without a new promise the last one binds for as long as it is not ended.
  if (reply.support != SupportEpoch()) {
    following_->promised = reply.support;
    following_->bound = true;
  }
  Send(following_->leader, term(), reply);
}

void Core::CheckRepair() {
  if (!damaged_ || !following_ || following_->repair_through == LogIndex()) return;
  if (persistence_.durable_index() < following_->repair_through) return;
  damaged_ = false;
  Pending().repaired = true;
}

Dropped Core::OnInstall(const Message& message, const InstallSnapshot& snapshot) {
  if (const Dropped dropped = FollowLeaderOf(message); dropped != Dropped::kNo) return dropped;
  if (following_->install) return Dropped::kInstalling;
  following_->reply_owed = true;
  // An entry that the log has: what is behind it stays, and the state needs no replacing (7).
  if (snapshot.index > commit_ && log_.Matches(snapshot.index, snapshot.term)) {
    following_->matched = std::max(following_->matched, snapshot.index);
    CommitTo(snapshot.index);
  }
  if (snapshot.index <= commit_) {
    Acknowledge(true);
    return Dropped::kNo;
  }
  following_->install = std::make_unique<InstallSnapshot>(snapshot);
  following_->install_owed = true;
  OfferInstall();
  return Dropped::kNo;
}

void Core::OfferInstall() {
  // The state would be of a term that the hard state has not reached, would the node stop now.
  if (!following_->install_owed || !persistence_.HardStateDurable()) return;
  following_->install_owed = false;
  Pending().install = *following_->install;
}

}  // namespace metaring::raft
