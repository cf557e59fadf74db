// SPDX-License-Identifier: Apache-2.0
//
// Core: one replica of one Raft group, as a value. Messages, ticks and requests go in, TakeOutput
// says what to do. No I/O, clock, thread, lock or randomness of its own, and no payloads.
//
// After any input that is not const: TakeOutput, do it as output.h says. Several inputs may share
// one TakeOutput, which is how batches come about. Sources: Ongaro and Ousterhout, "In Search of an
// Understandable Consensus Algorithm (Extended Version)", 2014 (figures like 5.3), and Ongaro's
// dissertation. What is added to them (support, repair, in-sync sets) is argued in README.md.
//
// Implementation: core.cc (state, storage), core_election.cc, core_follower.cc, core_leader.cc
// (replication, commitment), core_requests.cc (what the driver asks of a leader).
#ifndef METARING_KVNODE_RAFT_CORE_H_
#define METARING_KVNODE_RAFT_CORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "kvnode/base/result.h"
#include "kvnode/raft/configuration.h"
#include "kvnode/raft/confirm.h"
#include "kvnode/raft/host.h"
#include "kvnode/raft/ids.h"
#include "kvnode/raft/log_view.h"
#include "kvnode/raft/message.h"
#include "kvnode/raft/output.h"
#include "kvnode/raft/persistence.h"
#include "kvnode/raft/progress.h"
#include "kvnode/raft/read_gate.h"
#include "kvnode/raft/votes.h"

namespace metaring::raft {

enum class WriteAck : uint8_t {
  kMajority,
  kAllInSync,  // and every voter that the configuration calls in sync
};

// What the driver found on its disk. The hard state must be the last that was reported durable, and
// so must what was acknowledged of the log, unless `damaged` says otherwise. A replica that lost
// its hard state must not come back: it is removed, and its node joins as a new member would.
struct Restored {
  HardState hard_state;
  // Its base is the index and term that the durable state was applied to, or an entry before that.
  // What is on disk behind the state's index belongs to it only if the log's own entry (or base) at
  // that index has the state's term; else a crash cut a snapshot's installation short, and the log
  // on disk is dropped (Raft 7).
  LogView log;
  // The highest Persist::commit, or the applied index if that is more; within the log.
  LogIndex commit;
  // The last at or before log.base(), or a later one up to `commit`. Of a new group: its founders,
  // at index 0, the same on each of them. Of a member that joins: of nobody, and it waits.
  ConfigurationEntry configuration;
  std::vector<ConfigurationEntry> later;  // all behind it in the log, oldest first
  RepairId damage;                        // the last damage; see AppendReply::damage
  // It is not repaired. A replica whose state is lost, too, comes with an empty log and damaged.
  bool damaged = false;
};

// What Step did with a message.
struct Stepped {
  Dropped dropped = Dropped::kNo;
  // The message's entries (accepted_after, accepted_to] are now in the log: the driver stages their
  // payloads under these indices, in place of what it has from there on. None when equal.
  LogIndex accepted_after;
  LogIndex accepted_to;
};

enum class ReadJoin : uint8_t {
  kAsk,     // the first read of the round: ConfirmRounds::Join
  kShared,  // the round asks already
};

// One caller. One core for a group in the life of a process: a second one would have forgotten what
// the first promised. A member that was never asked anything costs at most 512 bytes.
class Core {
 public:
  // `host` outlives the core.
  Core(const Host& host, GroupId group, WriteAck write_ack, Restored restored);

  // From the network. Anything may come; what was not taken is said in the result.
  Stepped Step(const Message& message);

  // Time. Only needed, and only has an effect, while NeedsTick; a driver asks that after outputs,
  // and when Host's support changed for a node of this group.
  void Tick();
  bool NeedsTick() const;

  // From the disk: a Persist is done, and all before it. See output.h.
  void Persisted(const PersistToken& token);
  // The log up to `index`, which is applied, is no longer there.
  void Compacted(LogIndex index);
  // Output::install was done, or could not be and changed nothing.
  void SnapshotInstalled();
  void SnapshotRefused();
  // Entries from `first_lost` on are unreadable. The replica neither votes nor leads until the log
  // is repaired from a leader. `damage` is higher than any before.
  void LogDamaged(RepairId damage, LogIndex first_lost);

  // To the network: what became of orders. `base` is that of the message, `last` the last entry
  // that went along, `bytes` of its payloads. To be called for each order of the term led in, once;
  // an order that cannot be sent is ended by SetReachable(peer, false).
  void Sent(NodeId peer, LogIndex base, LogIndex last, uint64_t bytes);
  void SnapshotSent(NodeId peer, LogIndex index, bool delivered);
  // The node cannot be reached, or can again. A leader sends nothing meanwhile.
  void SetReachable(NodeId peer, bool reachable);

  // Place in the order in which members campaign; the next node clockwise of a leader has 0.
  void SetElectionRank(uint8_t rank);

  // Requests. They fail with kUnavailable where no leader is, changing nothing.
  //
  // `count` entries get the next indices; the driver stages their payloads. kBusy: too many are
  // uncommitted, or leadership is being handed over.
  Result<Proposed> Propose(uint64_t count = 1);
  // One configuration entry, in force at once. kInvalidArgument: CheckStep says no. kBusy: before
  // the own-term entry is committed, while another change is not committed, or when a learner that
  // becomes a voter lacks too much. Changes of in_sync alone may come at any time.
  Result<Proposed> ProposeConfiguration(const Configuration& configuration);
  // Hands over to a voter, as soon as it has the whole log. Gives up after an election timeout; if
  // the target was told by then, this term has no lease any more (reads go by ReadIndex).
  // kInvalidArgument: no other voter. kBusy: already handing over.
  Status TransferLeadership(NodeId target);
  // A read joins a round of confirmations, which has not been sent. Output::reads tells when it may
  // be served. A lost round is the driver's to repeat, under a new id.
  Result<ReadJoin> ReadIndex(RoundId round);
  // A peer's answer to a round: it still followed in that term. False: nobody waits for it.
  bool Confirmed(NodeId peer, RoundId round, Term answered);
  // The other side of Confirmed.
  bool Follows(NodeId leader, Term asked) const;

  bool HasOutput() const { return pending_ != nullptr; }
  Output TakeOutput();

  // May a read be served now? Made anew by each call.
  ReadGate Gate() const;

  GroupId group() const { return group_; }
  Role role() const;
  Term term() const { return hard_state_.term; }
  const HardState& hard_state() const { return hard_state_; }
  // Zero: not known.
  NodeId leader() const;
  bool damaged() const { return damaged_; }
  // Committed in the group; Output::commit_index is what of it is also durable here.
  LogIndex commit_index() const { return commit_; }
  LogIndex durable_index() const { return persistence_.durable_index(); }
  const LogView& log() const { return log_; }
  // In force: the latest in the log.
  const Configuration& configuration() const { return configurations_.latest(); }
  // Of a leader: the other members. Empty otherwise.
  const std::vector<Progress>& progress() const;

 private:
  struct Following {
    NodeId leader;
    SupportEpoch promised;    // what the last acknowledgement to this leader promised
    LogIndex matched;         // the log is this leader's up to here, at least to commit_
    LogIndex acknowledged;    // to this leader
    LogIndex repair_through;  // durable up to here, a damaged log is repaired; zero: not yet known
    std::unique_ptr<InstallSnapshot> install;  // under way
    bool install_owed = false;                 // and not handed out: the term is not durable
    bool vote_owed = false;                    // granted, and to be said when it is durable
    bool reply_owed = false;                   // to the leader's last append
    bool bound = false;                        // a promise was given, and no tick has seen its end
  };
  struct Election {
    bool pre_vote = false;
    bool transfer = false;
    bool asked = false;  // votes were asked for: the own one is durable
    Votes votes;
  };
  struct Leadership {
    LogIndex first_index;  // of the own term
    std::vector<Progress> members;
    std::unique_ptr<ReadRounds> reads;
    NodeId transfer_to;  // zero: no hand-over under way
    uint32_t transfer_ticks = 0;
    bool handed_over = false;  // the target was told
    bool lease_over = false;   // a TimeoutNow of this term is about: no leases any more
  };

  // core.cc
  Output& Pending();
  Persist& PendingPersist();
  void AppendEntries(LogIndex last, Term term);
  void TruncateFrom(LogIndex index);
  void SetHardState(HardState hard_state);
  void CommitTo(LogIndex index);
  LogIndex DurableCommit() const;
  void Send(NodeId to, Term term, decltype(Message::body) body);
  Dropped Misplaced(const Message& message) const;
  Dropped Dispatch(const Message& message, Stepped& stepped);

  // core_election.cc
  bool IsElectable() const;
  bool MayCampaign() const;
  bool SoleVoter() const;
  bool Bound() const;
  bool LeaderLeaves() const;
  bool LeaderSupported(NodeId candidate) const;
  void ResetTimeout(uint32_t base_ticks);
  void TickFollower();
  void BecomeFollower(Term term, NodeId leader);
  void Campaign(bool pre_vote, bool transfer);
  void AskForVotes();
  void CountVotes();
  Dropped OnVoteRequest(const Message& message, const VoteRequest& request);
  Dropped OnVoteReply(const Message& message, const VoteReply& reply);
  Dropped OnTimeoutNow(const Message& message);
  Dropped OnLeadershipEnded(const Message& message);

  // core_follower.cc
  Dropped OnAppend(const Message& message, const AppendRequest& append, Stepped& stepped);
  void TakeEntries(const AppendRequest& append, LogIndex first_new, Stepped& stepped);
  void AppendTail(const AppendRequest& append, LogIndex from);
  void RejectAppend(const AppendRequest& append);
  void Acknowledge(bool at_once);
  void CheckRepair();
  Dropped OnInstall(const Message& message, const InstallSnapshot& snapshot);
  void OfferInstall();
  Dropped FollowLeaderOf(const Message& message);

  // core_leader.cc
  void BecomeLeader();
  void TickLeader();
  bool QuorumActive() const;
  bool QuorumSupports() const;
  bool IsIdle(const Progress& member) const;
  void TickMember(Progress& member, bool heartbeat);
  void WantInSync();
  void SendDue(Progress& member);
  Message AppendTo(const Progress& member, LogView entries) const;
  LogIndex MatchOf(NodeId node) const;
  LogIndex MajorityMatch() const;
  LogIndex InSyncMatch(const Configuration& configuration) const;
  LogIndex Committable() const;
  void MaybeCommit();
  void LeaveIfRemoved();
  void TellEnded();
  void ReconcileMembers();
  void MaybeHandOver();
  void MaybeConfirmReads();
  Progress* FindMember(NodeId node);
  Dropped OnAppendReply(const Message& message, const AppendReply& reply);

  const Host* host_;
  GroupId group_;
  WriteAck write_ack_;
  bool damaged_;
  // Led, or may have, and has not heard of a leader since: its followers may not know.
  bool led_ = false;
  uint8_t election_rank_ = 0;
  HardState hard_state_;
  LogView log_;
  ConfigurationLog configurations_;
  LogIndex commit_;  // <= log_.last_index(); moves up, but for damage
  Persistence persistence_;
  RepairId damage_;
  uint32_t elapsed_ticks_ = 0;  // since the last reset, which depends on the role
  uint32_t timeout_ticks_ = 0;
  // Exactly one of the three is there: the role.
  std::unique_ptr<Following> following_;
  std::unique_ptr<Election> election_;
  std::unique_ptr<Leadership> leading_;
  // Null: nothing to do.
  std::unique_ptr<Output> pending_;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_CORE_H_
