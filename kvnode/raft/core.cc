// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/core.h"

#include <algorithm>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::raft {

Core::Core(const Host& host, GroupId group, WriteAck write_ack, Restored restored)
    : host_(&host),
      group_(group),
      write_ack_(write_ack),
      damaged_(restored.damaged),
      hard_state_(restored.hard_state),
      log_(std::move(restored.log)),
      configurations_(std::move(restored.configuration)),
      commit_(restored.commit),
      persistence_(log_.last_index()),
      damage_(restored.damage),
      following_(std::make_unique<Following>()) {
  CHECK(commit_ >= log_.base() && commit_ <= log_.last_index());
  CHECK(hard_state_.term >= log_.last_term());
  CHECK(!damaged_ || damage_ != RepairId());
  for (ConfigurationEntry& entry : restored.later) configurations_.Append(std::move(entry));
  configurations_.CommittedTo(commit_);
  following_->matched = commit_;
  // It may have led in its former life, and appends of then may still arrive somewhere.
  led_ = hard_state_.vote == host_->self;
  ResetTimeout(host_->options.election_ticks);
  Pending();
}

Role Core::role() const {
  if (leading_) return Role::kLeader;
  if (!election_) return Role::kFollower;
  return election_->pre_vote ? Role::kPreCandidate : Role::kCandidate;
}

NodeId Core::leader() const {
  if (leading_) return host_->self;
  return following_ ? following_->leader : NodeId();
}

const std::vector<Progress>& Core::progress() const {
  static const std::vector<Progress> kNone;
  return leading_ ? leading_->members : kNone;
}

Stepped Core::Step(const Message& message) {
  Stepped stepped;
  stepped.dropped = Misplaced(message);
  if (stepped.dropped == Dropped::kNo) stepped.dropped = Dispatch(message, stepped);
  return stepped;
}

Dropped Core::Misplaced(const Message& message) const {
  if (message.group != group_ || message.to != host_->self || message.from == host_->self) {
    return Dropped::kMisdirected;
  }
  if (!IsSane(message) || message.term.value() > term().value() + kTermLeapMax) {
    return Dropped::kAbsurd;
  }
  return Dropped::kNo;
}

Dropped Core::Dispatch(const Message& message, Stepped& stepped) {
  const auto& body = message.body;
  if (const auto* vote = std::get_if<VoteRequest>(&body)) return OnVoteRequest(message, *vote);
  if (const auto* append = std::get_if<AppendRequest>(&body)) {
    return OnAppend(message, *append, stepped);
  }
  if (const auto* snapshot = std::get_if<InstallSnapshot>(&body)) {
    return OnInstall(message, *snapshot);
  }
  if (std::holds_alternative<LeadershipEnded>(body)) return OnLeadershipEnded(message);
  if (std::holds_alternative<TimeoutNow>(body)) return OnTimeoutNow(message);
  if (following_ && std::holds_alternative<AppendReply>(body) && message.term <= term()) {
    // The sender takes this replica for its leader, which a follower will not be in this term. It
    // is told so even if it is no member: what made it one may have been lost with a damaged log.
    Send(message.from, message.term, LeadershipEnded{});
    return Dropped::kStale;
  }
  // The rest are answers, which have weight by who gives them.
  if (configurations_.latest().Find(message.from) == nullptr) return Dropped::kNotMember;
  if (const auto* reply = std::get_if<VoteReply>(&body)) return OnVoteReply(message, *reply);
  return OnAppendReply(message, std::get<AppendReply>(body));
}

Output& Core::Pending() {
  if (!pending_) pending_ = std::make_unique<Output>();
  return *pending_;
}

Persist& Core::PendingPersist() {
  std::optional<Persist>& persist = Pending().persist;
  if (!persist) {
    persist.emplace();
    persist->append_after = persist->append_to = log_.last_index();
  }
  return *persist;
}

void Core::AppendEntries(LogIndex last, Term term) {
  Persist& persist = PendingPersist();
  log_.Append(last, term);
  persist.append_to = last;
}

void Core::TruncateFrom(LogIndex index) {
  Persist& persist = PendingPersist();
  if (index <= persist.append_after) {
    persist.truncate_from = index;
    persist.append_after = Previous(index);
  }
  persist.append_to = Previous(index);
  // What an output has yet to name is gone before anybody knew of it.
  if (pending_->no_op && pending_->no_op->index >= index) pending_->no_op.reset();
  log_.TruncateFrom(index);
  configurations_.TruncateFrom(index);
  persistence_.Truncated(index);
}

void Core::SetHardState(HardState hard_state) {
  hard_state_ = hard_state;
  PendingPersist().hard_state = hard_state;
  persistence_.HardStateChanged();
}

LogIndex Core::DurableCommit() const {
  return std::min(commit_, persistence_.durable_index());
}

void Core::CommitTo(LogIndex index) {
  if (index <= commit_) return;
  commit_ = index;
  configurations_.CommittedTo(index);
  Pending();
}

void Core::Send(NodeId to, Term term, decltype(Message::body) body) {
  Pending().messages.push_back({group_, host_->self, to, term, std::move(body)});
}

void Core::Persisted(const PersistToken& token) {
  const LogIndex before = persistence_.durable_index();
  persistence_.Done(token);
  if (persistence_.durable_index() != before) Pending();
  if (leading_) return MaybeCommit();
  if (election_) return AskForVotes();
  if (following_->vote_owed && persistence_.HardStateDurable()) {
    following_->vote_owed = false;
    Send(hard_state_.vote, term(), VoteReply{.granted = true});
  }
  CheckRepair();
  OfferInstall();
  Acknowledge(false);
}

void Core::Compacted(LogIndex index) {
  CHECK(index <= DurableCommit());
  if (index > log_.base()) log_.CompactTo(index);
}

void Core::SnapshotInstalled() {
  CHECK(following_ && following_->install);
  const InstallSnapshot snapshot = std::move(*following_->install);
  following_->install.reset();
  if (pending_) pending_->no_op.reset();
  log_ = LogView(snapshot.index, snapshot.term);
  configurations_ = ConfigurationLog({snapshot.index, snapshot.configuration});
  commit_ = snapshot.index;
  persistence_.Replaced(snapshot.index);
  if (Persist* persist = pending_ && pending_->persist ? &*pending_->persist : nullptr) {
    persist->truncate_from.reset();
    persist->append_after = persist->append_to = snapshot.index;
  }
  following_->matched = snapshot.index;
  following_->reply_owed = following_->leader != NodeId();
  Pending().role_changed = true;
  Acknowledge(false);
}

void Core::SnapshotRefused() {
  if (following_) following_->install.reset();
}

void Core::LogDamaged(RepairId damage, LogIndex first_lost) {
  CHECK(damage > damage_);
  if (!following_) BecomeFollower(term(), NodeId());
  damage_ = damage;
  damaged_ = true;
  following_->repair_through = LogIndex();
  if (first_lost > log_.base() && first_lost <= log_.last_index()) {
    TruncateFrom(first_lost);
    commit_ = std::min(commit_, log_.last_index());
    following_->matched = std::min(following_->matched, log_.last_index());
    following_->acknowledged = std::min(following_->acknowledged, log_.last_index());
  }
  // The leader may have nothing to say, and must know.
  following_->reply_owed = following_->leader != NodeId();
  Acknowledge(true);
}

Output Core::TakeOutput() {
  if (leading_) {
    for (Progress& member : leading_->members) SendDue(member);
  }
  Output output = pending_ ? std::move(*pending_) : Output();
  pending_.reset();
  output.commit_index = DurableCommit();
  if (output.persist) {
    output.persist->token = persistence_.Begin(log_.last_index());
    output.persist->commit = output.commit_index;
  }
  return output;
}

}  // namespace metaring::raft
