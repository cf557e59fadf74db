// SPDX-License-Identifier: Apache-2.0
//
// The leader's side: replication (Raft 5.3), commitment (5.4.2), and when to stop leading.
#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "kvnode/raft/core.h"

namespace metaring::raft {

void Core::BecomeLeader() {
  leading_ = std::make_unique<Leadership>();
  leading_->first_index = Next(log_.last_index());
  election_.reset();
  led_ = false;
  ReconcileMembers();
  elapsed_ticks_ = 0;
  // An entry of the own term: only with it can those before be committed (5.4.2), and until it is,
  // the leader does not know what is (8).
  AppendEntries(leading_->first_index, term());
  Pending().no_op = Proposed{leading_->first_index, term()};
  Pending().role_changed = true;
}

void Core::TickLeader() {
  const Options& options = host_->options;
  ++elapsed_ticks_;
  const bool heartbeat = elapsed_ticks_ % options.heartbeat_ticks == 0;
  for (Progress& member : leading_->members) TickMember(member, heartbeat);
  if (leading_->transfer_to != NodeId() && ++leading_->transfer_ticks >= options.election_ticks) {
    leading_->transfer_to = NodeId();
  }
  // Who cannot reach a majority must not keep clients waiting (dissertation 6.2).
  if (!QuorumActive()) return BecomeFollower(term(), NodeId());
  if (elapsed_ticks_ % options.election_ticks == 0) WantInSync();
}

bool Core::QuorumActive() const {
  const Configuration& configuration = configurations_.latest();
  size_t active = configuration.IsVoter(host_->self) ? 1 : 0;
  for (const Progress& member : leading_->members) {
    const bool heard = member.silent_ticks < host_->options.election_ticks;
    if (heard && configuration.IsVoter(member.node())) ++active;
  }
  return active >= configuration.majority();
}

bool Core::QuorumSupports() const {
  const Configuration& configuration = configurations_.latest();
  size_t supports = configuration.IsVoter(host_->self) ? 1 : 0;
  for (const Progress& member : leading_->members) {
    const bool stands = host_->received.Stands(member.node(), member.support);
    if (stands && configuration.IsVoter(member.node())) ++supports;
  }
  return supports >= configuration.majority();
}

bool Core::IsIdle(const Progress& member) const {
  if (!member.reachable) return true;
  if (member.match() < log_.last_index() || member.commit < commit_) return false;
  const Member* entry = configurations_.latest().Find(member.node());
  const bool voter = entry != nullptr && entry->role == MemberRole::kVoter;
  if (write_ack_ == WriteAck::kAllInSync && voter && !entry->in_sync) return false;
  return host_->received.Stands(member.node(), member.support);
}

void Core::TickMember(Progress& member, bool heartbeat) {
  const auto count = [](uint8_t& ticks) { ticks = static_cast<uint8_t>(ticks + (ticks < 255)); };
  const bool supports = host_->received.Stands(member.node(), member.support);
  if (supports) member.silent_ticks = 0;
  if (!supports) count(member.silent_ticks);
  if (member.match() < log_.last_index()) count(member.behind_ticks);
  if (!member.reachable) return;
  if (member.Stalled(2 * host_->options.heartbeat_ticks)) member.Probe();
  // A commit index waits for a tick: most often a further entry takes it along before.
  if (!member.told_commit || (heartbeat && !IsIdle(member))) member.notify = true;
  Pending();
}

void Core::WantInSync() {
  if (write_ack_ != WriteAck::kAllInSync || configurations_.full()) return;
  std::vector<Member> members = configurations_.latest().members();
  bool changed = false;
  for (Member& member : members) {
    const Progress* progress = FindMember(member.node);
    if (progress == nullptr || member.role != MemberRole::kVoter) continue;
    const bool away = progress->behind_ticks >= host_->options.election_ticks;
    const bool back = !away && progress->match() >= commit_ && progress->match() > LogIndex(0);
    if (member.in_sync ? away : back) {
      member.in_sync = !member.in_sync;
      changed = true;
    }
  }
  if (changed) Pending().wanted_configuration = Configuration(std::move(members));
}

Message Core::AppendTo(const Progress& member, LogView entries) const {
  AppendRequest append;
  append.entries = std::move(entries);
  append.commit = commit_;
  append.repair = member.repair;
  return {group_, host_->self, member.node(), term(), std::move(append)};
}

void Core::SendDue(Progress& member) {
  if (!member.reachable) return;
  const LogIndex base = Previous(member.next());
  if (base < log_.base() && member.state() != ProgressState::kSnapshot) {
    member.AwaitSnapshot();
    Pending().snapshots.push_back(member.node());
  }
  const bool due = member.next() <= log_.last_index();
  if (due && member.MaySend(host_->options.bytes_in_flight_max)) {
    Pending().appends.push_back(
        {AppendTo(member, log_.Slice(base, log_.last_index())), host_->options.append_bytes_max});
    member.HandedOut();
  } else if (member.notify) {
    // The beginning of all logs fits always: whoever waits for a snapshot can still be greeted.
    const bool greets = member.state() == ProgressState::kSnapshot;
    Pending().messages.push_back(AppendTo(member, greets ? LogView() : log_.Slice(base, base)));
  } else {
    return;
  }
  member.notify = false;
  member.told_commit = true;
}

void Core::Sent(NodeId peer, LogIndex base, LogIndex last, uint64_t bytes) {
  Progress* member = FindMember(peer);
  if (member == nullptr || last > log_.last_index()) return;
  member->Sent(base, last, bytes);
  if (member->next() <= log_.last_index()) Pending();
}

void Core::SnapshotSent(NodeId peer, LogIndex index, bool delivered) {
  Progress* member = FindMember(peer);
  if (member == nullptr) return;
  member->SnapshotSent(delivered ? std::min(index, log_.last_index()) : LogIndex());
  Pending();
}

void Core::SetReachable(NodeId peer, bool reachable) {
  Progress* member = FindMember(peer);
  if (member == nullptr || member->reachable == reachable) return;
  member->reachable = reachable;
  member->WayClosed();
  member->notify = reachable;
  Pending();
}

Progress* Core::FindMember(NodeId node) {
  if (!leading_) return nullptr;
  std::vector<Progress>& members = leading_->members;
  const auto at = std::find_if(members.begin(), members.end(),
                               [&](const Progress& member) { return member.node() == node; });
  return at == members.end() ? nullptr : &*at;
}

Dropped Core::OnAppendReply(const Message& message, const AppendReply& reply) {
  // A follower's term moves by requests alone: else it would forget whom it is bound to.
  if (message.term > term() && !following_) {
    BecomeFollower(message.term, NodeId());
    return Dropped::kNo;
  }
  if (!leading_ || message.term != term()) return Dropped::kStale;
  Progress* member = FindMember(message.from);
  if (member == nullptr) return Dropped::kNotMember;
  const LogIndex last = log_.last_index();
  if (reply.match > last || reply.rejected_base > last || reply.commit > last) {
    return Dropped::kAbsurd;
  }
  if (reply.damage < member->repair) return Dropped::kStale;
  if (reply.damage > member->repair) {
    member->ForgetMatch(reply.damage);
    member->notify = true;
  }
  member->silent_ticks = 0;
  member->behind_ticks = 0;
  member->reachable = true;
  member->support = std::max(member->support, reply.support);
  member->commit = std::max(member->commit, reply.commit);
  Pending();
  if (reply.rejected) {
    const bool news =
        member->Rejected(reply.rejected_base, log_.LastAtMost(reply.match, reply.hint_term));
    return news ? Dropped::kNo : Dropped::kStale;
  }
  if (member->Acknowledged(reply.match)) MaybeCommit();
  if (leading_) MaybeHandOver();
  return Dropped::kNo;
}

LogIndex Core::MatchOf(NodeId node) const {
  if (node == host_->self) return persistence_.durable_index();
  for (const Progress& member : leading_->members) {
    if (member.node() == node) return member.match();
  }
  return LogIndex();
}

LogIndex Core::MajorityMatch() const {
  const Configuration& configuration = configurations_.latest();
  std::array<LogIndex, kMembersMax> matches;
  size_t count = 0;
  for (const Member& member : configuration.members()) {
    if (member.role == MemberRole::kVoter) matches[count++] = MatchOf(member.node);
  }
  const auto end = matches.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(matches.begin(), end, std::greater<>());
  return matches[configuration.majority() - 1];
}

LogIndex Core::InSyncMatch(const Configuration& configuration) const {
  LogIndex least = log_.last_index();
  for (const Member& member : configuration.members()) {
    if (member.role == MemberRole::kVoter && member.in_sync) {
      least = std::min(least, MatchOf(member.node));
    }
  }
  return least;
}

LogIndex Core::Committable() const {
  const LogIndex majority = MajorityMatch();
  if (write_ack_ == WriteAck::kMajority) return majority;
  // A set counts for entries from its own on: were it in force for earlier ones, they could be
  // acknowledged under a set that a later leader has never heard of.
  const std::vector<ConfigurationEntry>& pending = configurations_.pending();
  LogIndex before = log_.last_index();
  for (auto entry = pending.rbegin(); entry != pending.rend(); ++entry) {
    const LogIndex all = std::min({majority, InSyncMatch(entry->configuration), before});
    if (all >= entry->index) return all;
    before = Previous(entry->index);
  }
  return std::min({majority, InSyncMatch(configurations_.committed().configuration), before});
}

void Core::MaybeCommit() {
  const LogIndex index = Committable();
  // Entries of former terms are committed by those behind them, never by count (5.4.2).
  if (index <= commit_ || log_.TermAt(index) != term()) return;
  const LogIndex before = configurations_.committed().index;
  CommitTo(index);
  for (Progress& member : leading_->members) member.told_commit = false;
  MaybeConfirmReads();
  if (configurations_.committed().index != before) LeaveIfRemoved();
}

void Core::LeaveIfRemoved() {
  const Configuration& configuration = configurations_.latest();
  Progress* heir = nullptr;
  for (Progress& member : leading_->members) {
    // The last that a removed member hears is, if it can be, that it is one.
    if (member.match() >= log_.base()) {
      Pending().messages.push_back(AppendTo(member, log_.Slice(member.match(), member.match())));
    }
    const bool voter = configuration.IsVoter(member.node());
    if (voter && (heir == nullptr || member.match() > heir->match())) heir = &member;
  }
  if (configuration.IsVoter(host_->self) || !configurations_.pending().empty()) {
    return ReconcileMembers();
  }
  if (heir != nullptr) Send(heir->node(), term(), TimeoutNow{});
  BecomeFollower(term(), NodeId());
}

void Core::ReconcileMembers() {
  // Who leaves still gets entries until its leaving is committed.
  const Configuration& committed = configurations_.committed().configuration;
  const Configuration& latest = configurations_.latest();
  std::erase_if(leading_->members, [&](const Progress& member) {
    return committed.Find(member.node()) == nullptr && latest.Find(member.node()) == nullptr;
  });
  for (const Member& member : latest.members()) {
    if (member.node == host_->self || FindMember(member.node) != nullptr) continue;
    leading_->members.emplace_back(member.node, log_.last_index());
  }
  leading_->members.shrink_to_fit();
}

}  // namespace metaring::raft
