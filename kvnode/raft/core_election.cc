// SPDX-License-Identifier: Apache-2.0
//
// Who leads: elections (Raft 5.2, 5.4.1), rehearsed by pre-vote, and only against a leader to whom
// no promise binds.
#include <algorithm>
#include <utility>

#include "kvnode/base/random.h"
#include "kvnode/raft/core.h"

namespace metaring::raft {

bool Core::IsElectable() const {
  if (configurations_.latest().IsVoter(host_->self)) return true;
  // Whoever is on its way out may have the longest log of all that can vote (dissertation 4.2.2).
  // It does not count its own vote, and leads no longer than until its leaving is committed.
  return !configurations_.pending().empty() &&
         configurations_.committed().configuration.IsVoter(host_->self);
}

bool Core::MayCampaign() const {
  return !damaged_ && IsElectable() && !(following_ && following_->install) &&
         log_.HasRoomFor(Term(term().value() + 1));
}

bool Core::SoleVoter() const {
  return configurations_.latest().IsVoter(host_->self) && configurations_.latest().voters() == 1;
}

bool Core::Bound() const {
  // Whoever is a majority alone has promised to nobody that could lead.
  if (SoleVoter()) return false;
  if (host_->given.Restarting()) return true;
  if (!following_ || following_->leader == NodeId()) return false;
  if (LeaderLeaves()) return false;
  return host_->given.Binds(following_->leader, following_->promised);
}

bool Core::LeaderLeaves() const {
  // An entry of the leader's own term is its own: it ended its lease when it proposed to go, and
  // its node may well live on. (That the configuration does not have the leader proves nothing: the
  // entry that added it may not be here yet.)
  return !configurations_.latest().IsVoter(following_->leader) &&
         log_.TermAt(configurations_.latest_index()) == term();
}

bool Core::LeaderSupported(NodeId candidate) const {
  if (leading_) return true;
  if (host_->given.Restarting()) return true;
  if (!following_ || following_->leader == NodeId() || following_->leader == candidate) {
    return false;
  }
  // Only who may campaign counts ticks.
  return Bound() || (MayCampaign() && elapsed_ticks_ < host_->options.election_ticks);
}

void Core::ResetTimeout(uint32_t base_ticks) {
  const Options& options = host_->options;
  // No state of its own: the same group in the same term waits the same time, and a split vote has
  // a new term.
  Random jitter(host_->seed ^ (uint64_t{group_.value()} << 32) ^ (term().value() * 0x9E3779B9));
  elapsed_ticks_ = 0;
  timeout_ticks_ = base_ticks + election_rank_ * options.rank_ticks +
                   static_cast<uint32_t>(jitter.Below(options.jitter_ticks + 1));
}

void Core::SetElectionRank(uint8_t rank) {
  const uint32_t rank_ticks = host_->options.rank_ticks;
  timeout_ticks_ = timeout_ticks_ - election_rank_ * rank_ticks + rank * rank_ticks;
  election_rank_ = rank;
}

bool Core::NeedsTick() const {
  if (election_) return true;
  if (following_) {
    if (led_ && following_->leader == NodeId()) return true;
    return MayCampaign() && (following_->leader == NodeId() || !Bound());
  }
  if (commit_ < log_.last_index() || leading_->transfer_to != NodeId() || !QuorumSupports()) {
    return true;
  }
  return std::any_of(leading_->members.begin(), leading_->members.end(),
                     [this](const Progress& member) { return !IsIdle(member); });
}

void Core::Tick() {
  if (leading_) return TickLeader();
  ++elapsed_ticks_;
  if (following_) return TickFollower();
  if (elapsed_ticks_ >= timeout_ticks_) Campaign(true, false);
}

void Core::TickFollower() {
  const Options& options = host_->options;
  const bool alone = following_->leader == NodeId();
  const bool due = elapsed_ticks_ % options.heartbeat_ticks == 0;
  if (led_ && alone && due && persistence_.HardStateDurable()) TellEnded();
  if (!MayCampaign()) return;
  const bool bound = Bound();
  if (bound) {
    elapsed_ticks_ = 0;
  } else if (following_->bound) {
    // The end of a promise is the timeout; only rank and jitter are left to wait.
    elapsed_ticks_ = options.election_ticks;
  }
  following_->bound = bound;
  if (!bound && elapsed_ticks_ >= timeout_ticks_) Campaign(true, false);
}

void Core::TellEnded() {
  for (const Member& member : configurations_.latest().members()) {
    if (member.node != host_->self) Send(member.node, term(), LeadershipEnded{});
  }
}

void Core::BecomeFollower(Term new_term, NodeId leader) {
  auto following = std::make_unique<Following>();
  following->leader = leader;
  following->matched = commit_;
  // What is being installed is committed, whoever leads.
  if (following_) {
    following->install = std::move(following_->install);
    following->install_owed = following_->install_owed;
  }
  const bool leads_no_more = leading_ != nullptr;
  // Of the term that it led in: a later one may not be durable, and could yet be led in.
  if (leads_no_more) TellEnded();
  following_ = std::move(following);
  election_.reset();
  leading_.reset();
  led_ = (led_ || leads_no_more) && leader == NodeId();
  if (new_term > term()) SetHardState({new_term, NodeId()});
  ResetTimeout(host_->options.election_ticks);
  Pending().role_changed = true;
}

void Core::Campaign(bool pre_vote, bool transfer) {
  auto election = std::make_unique<Election>();
  election->pre_vote = pre_vote;
  election->transfer = transfer;
  following_.reset();
  election_ = std::move(election);
  if (!pre_vote) SetHardState({Term(term().value() + 1), host_->self});
  // A rehearsal that failed is repeated soon: it costs nobody anything.
  ResetTimeout(pre_vote ? host_->options.rank_ticks : host_->options.election_ticks);
  Pending().role_changed = true;
  AskForVotes();
}

void Core::AskForVotes() {
  if (election_->asked) return;
  // A vote is a promise, the own one too; and what the request says of the log must be on disk, or
  // a crash would make votes that were given to a longer log count for a shorter one.
  if (!election_->pre_vote && !persistence_.HardStateDurable()) return;
  election_->asked = true;
  election_->votes.Grant(host_->self);
  const Term asked_for(election_->pre_vote ? term().value() + 1 : term().value());
  const VoteRequest request{election_->pre_vote, election_->transfer, log_.last_index(),
                            log_.last_term()};
  for (const Member& member : configurations_.latest().members()) {
    if (member.node == host_->self || member.role != MemberRole::kVoter) continue;
    Send(member.node, asked_for, request);
  }
  CountVotes();
}

void Core::CountVotes() {
  if (!election_->votes.Won(configurations_.latest())) return;
  if (election_->pre_vote) return Campaign(false, false);
  BecomeLeader();
}

Dropped Core::OnVoteRequest(const Message& message, const VoteRequest& request) {
  const NodeId candidate = message.from;
  if (message.term <= term() && (request.pre_vote || message.term < term())) {
    Send(candidate, term(), VoteReply{.pre_vote = request.pre_vote});
    return Dropped::kNo;
  }
  if (!request.transfer && LeaderSupported(candidate)) {
    // Somebody misses a leader: ask the one that this replica is bound to. If it leads no more it
    // says so (OnAppendReply).
    if (following_) following_->reply_owed = true;
    Acknowledge(true);
    return Dropped::kLeaderSupported;
  }
  if (following_ && following_->leader == candidate && message.term > term()) {
    // It campaigns for a later term, so it will not lead in this one again.
    following_->leader = NodeId();
    following_->promised = SupportEpoch();
    Pending().role_changed = true;
  }
  if (damaged_) return Dropped::kDamaged;
  const bool up_to_date = log_.IsUpToDate(request.last_index, request.last_term);
  if (request.pre_vote) {
    Send(candidate, up_to_date ? message.term : term(), VoteReply{true, up_to_date});
    return Dropped::kNo;
  }
  if (message.term > term()) BecomeFollower(message.term, NodeId());
  const bool free = hard_state_.vote == NodeId() || hard_state_.vote == candidate;
  const bool rehearses = election_ && election_->pre_vote;
  if (!free || !up_to_date || leader() != NodeId() || (election_ && !rehearses)) {
    Send(candidate, term(), VoteReply{});
    return Dropped::kNo;
  }
  if (rehearses) BecomeFollower(term(), NodeId());
  if (hard_state_.vote == NodeId()) SetHardState({term(), candidate});
  elapsed_ticks_ = 0;
  following_->vote_owed = !persistence_.HardStateDurable();
  if (!following_->vote_owed) Send(candidate, term(), VoteReply{.granted = true});
  return Dropped::kNo;
}

Dropped Core::OnVoteReply(const Message& message, const VoteReply& reply) {
  if (!election_ || reply.pre_vote != election_->pre_vote) return Dropped::kStale;
  if (!reply.granted) {
    if (message.term > term()) BecomeFollower(message.term, NodeId());
    return Dropped::kNo;
  }
  const Term asked_for(election_->pre_vote ? term().value() + 1 : term().value());
  if (message.term != asked_for || !election_->asked) return Dropped::kStale;
  election_->votes.Grant(message.from);
  CountVotes();
  return Dropped::kNo;
}

Dropped Core::OnTimeoutNow(const Message& message) {
  if (!following_ || message.term != term() || following_->leader != message.from) {
    return Dropped::kStale;
  }
  if (damaged_) return Dropped::kDamaged;
  if (host_->given.Restarting()) return Dropped::kLeaderSupported;
  if (following_->install) return Dropped::kInstalling;
  if (!MayCampaign()) return Dropped::kNotMember;
  Campaign(false, true);
  return Dropped::kNo;
}

Dropped Core::OnLeadershipEnded(const Message& message) {
  if (!following_ || following_->leader != message.from || message.term < term()) {
    return Dropped::kStale;
  }
  following_->leader = NodeId();
  following_->promised = SupportEpoch();
  elapsed_ticks_ = host_->options.election_ticks;
  Pending().role_changed = true;
  return Dropped::kNo;
}

}  // namespace metaring::raft
