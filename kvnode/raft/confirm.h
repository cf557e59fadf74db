// SPDX-License-Identifier: Apache-2.0
//
// Confirmations for reads: ReadIndex (dissertation 6.4), one message a peer for all groups of a
// node. ConfirmRounds is the node's side and collects who asks; ReadRounds is a group's side and
// waits for a majority. A round's id is never reused in the life of a process, and a term never
// has two leaderships, so an answer is about one question only (pitfall 10).
#ifndef METARING_KVNODE_RAFT_CONFIRM_H_
#define METARING_KVNODE_RAFT_CONFIRM_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "kvnode/raft/configuration.h"
#include "kvnode/raft/ids.h"
#include "kvnode/raft/read_gate.h"

namespace metaring::raft {

struct GroupTerm {
  GroupId group;
  Term term;
  friend bool operator==(const GroupTerm&, const GroupTerm&) = default;
};

// "Do you still follow me in these terms?" The answer has the same form, with those groups alone of
// which Core::Follows says so.
struct ConfirmMessage {
  NodeId peer;  // to whom
  RoundId round;
  std::vector<GroupTerm> groups;
};

// Groups in one message; further ones go into a second message of the same round.
inline constexpr size_t kConfirmGroupsMax = 4096;

// The rounds of one node. One caller.
class ConfirmRounds {
 public:
  // The round that reads join now, for Core::ReadIndex.
  RoundId open() const { return open_; }
  // A group whose ReadIndex said kAsk: its leadership is asked of every voter but this node.
  void Join(GroupTerm group, const Configuration& configuration, NodeId self);
  // Ends the open round and gives its messages. Reads that arrive from now on join the next one:
  // an answer that is already on its way proves nothing for them.
  std::vector<ConfirmMessage> Seal();

 private:
  RoundId open_{1};
  std::map<NodeId, std::vector<GroupTerm>> asked_;
};

// Rounds of one group that wait for a majority. When there would be more, the two oldest become
// one: what confirms the later confirms the earlier.
inline constexpr size_t kReadRoundsMax = 8;

// The rounds of one leadership, which die with it. One caller.
class ReadRounds {
 public:
  // A read joins a round, the same or a later one than the last. True: the first of it.
  bool Join(RoundId round, LogIndex read_index);
  // A voter still followed when it was asked in this round. False: no such round waits.
  bool Confirmed(RoundId round, NodeId voter);
  // Takes the latest round that a majority of `configuration` has confirmed, and all before it.
  // `self` counts when it is a voter.
  std::optional<ConfirmedReads> Take(const Configuration& configuration, NodeId self, Term term);
  bool empty() const { return rounds_.empty(); }

 private:
  struct Round {
    RoundId id;
    LogIndex read_index;
    std::vector<NodeId> confirmed;  // at most kMembersMax
  };
  std::vector<Round> rounds_;  // in the order of ids
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_CONFIRM_H_
