// SPDX-License-Identifier: Apache-2.0
//
// Message: what the cores of one group say to each other. Entries are named, never carried: the
// driver puts the payloads beside an AppendRequest on the wire, and a snapshot's bytes travel on
// their own before InstallSnapshot.
//
// Any message may be lost, late, doubled or out of order. Its numbers are checked here against
// their bounds and in the core against its state; nothing from the network is ever asserted.
#ifndef METARING_KVNODE_RAFT_MESSAGE_H_
#define METARING_KVNODE_RAFT_MESSAGE_H_

#include <string>
#include <variant>
#include <vector>

#include "kvnode/raft/configuration.h"
#include "kvnode/raft/ids.h"
#include "kvnode/raft/log_view.h"

namespace metaring::raft {

// RequestVote (Raft 5.2), or its rehearsal, which changes no state (dissertation 9.6).
struct VoteRequest {
  // A rehearsal: Message::term is the term that the candidate would have, its own plus one.
  bool pre_vote = false;
  // The leader asked for this election (TimeoutNow): promises to it do not stand in the way.
  bool transfer = false;
  LogIndex last_index{};
  Term last_term{};
};

struct VoteReply {
  bool pre_vote = false;
  // Message::term is then the request's; else it is the voter's own.
  bool granted = false;
};

// AppendEntries (5.3); without entries a heartbeat.
struct AppendRequest {
  // Its base is the entry before the first. Terms of the entries: at most Message::term.
  LogView entries;
  LogIndex commit;
  // The configuration entries among `entries`. Empty in an output: the driver that receives the
  // payloads decodes them.
  std::vector<ConfigurationEntry> configurations;
  // The leader knows of this damage to the receiver's log, and counts nothing acknowledged before.
  RepairId repair;
};

struct AppendReply {
  bool rejected = false;
  // Accepted: the log is durable, and the leader's, up to here. Rejected: the hint, an index at
  // which the two logs may agree.
  LogIndex match{};
  // Of a rejection: the base that did not match, and the term of entry `match`.
  LogIndex rejected_base{};
  Term hint_term{};
  // What the follower knows to be committed.
  LogIndex commit{};
  // The follower's promise to the leader's node (support.h); zero: none now.
  SupportEpoch support{};
  // The last time that the follower's log lost what it had acknowledged; it grows with each time,
  // and stays when the log is repaired: so the leader tells acknowledgements from before from those
  // after.
  RepairId damage{};
};

// The driver has received a whole snapshot of the leader's and can install it.
struct InstallSnapshot {
  LogIndex index;  // of the last entry that it covers
  Term term;       // of that entry
  Configuration configuration;
};

// "Campaign now": the leader hands over (dissertation 3.10).
struct TimeoutNow {};

// The sender leads no longer, in Message::term or any before, and a crash will not make it lead in
// them again: the term is durable. A node that has no replica of the group (any more) answers each
// AppendReply with it, in the reply's own term. Without it followers would go on
// believing in a leader that is silent because it has nothing to say.
struct LeadershipEnded {};

struct Message {
  GroupId group;
  NodeId from;
  NodeId to;
  Term term;
  std::variant<VoteRequest, VoteReply, AppendRequest, AppendReply, InstallSnapshot, TimeoutNow,
               LeadershipEnded>
      body;
};

// Why a message changed nothing. Counted by the driver.
enum class Dropped : uint8_t {
  kNo,               // it was taken
  kMisdirected,      // of another group, to another node, or from this one
  kAbsurd,           // a number over its bound, or a structure that no core makes
  kNotMember,        // from a node that has no say in the group, or to one that has none
  kStale,            // of an earlier term, or an answer to a question of the past
  kLeaderSupported,  // a vote against a leader that is alive or promised to
  kDamaged,          // this replica may neither vote nor lead until its log is repaired
  kInstalling,       // an append, while a snapshot is being installed
  kContradiction,    // what Raft excludes: two leaders of a term, another committed entry
};
std::string Describe(Dropped dropped);

// Whether every number is within its bounds and the structure is one that a core makes.
bool IsSane(const Message& message);

// One line, for logs and traces: "1>2 t3 append (4,t2) 5..6 commit 4".
std::string Describe(const Message& message);

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_MESSAGE_H_
