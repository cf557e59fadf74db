// SPDX-License-Identifier: Apache-2.0
//
// Replication: entries between cores, the log and the network. A core names entries; here is where
// their bytes go: from a peer's message into the log, and from memory or the log to a peer.
#ifndef METARING_KVNODE_STRONG_REPLICATION_H_
#define METARING_KVNODE_STRONG_REPLICATION_H_

#include <map>
#include <vector>

#include "kvnode/strong/shared.h"

namespace metaring::strong {

// One caller.
class Replication {
 public:
  explicit Replication(Shared& shared) : shared_(shared) {}

  // A message for a core, with the entries that it names.
  void Receive(NodeId from, GroupMessage&& message);
  // What a core wants written.
  void Stage(Group& group, const raft::Persist& persist);
  // Of term, vote and damage alone, anew: the log before `shared_.stage.end()` is to go.
  void StageFacts(Group& group);
  // Entries [from, last], anew.
  void StageEntries(Group& group, raft::LogIndex from);
  // Gives the log what was staged, and asks for a sync. The one place where durability is asked.
  void Write();

  // Sends what the order names, as far as memory, log and the way to the peer allow it now; the
  // rest waits for Retry.
  void Send(Group& group, raft::AppendOrder&& order);
  // Tries again what waits; all peers, or one.
  void Retry();
  void Retry(NodeId peer);
  // The way to the peer was closed: its cores' orders are void.
  void Drop(NodeId peer) { held_.erase(peer); }
  void Forget(const Group& group);

 private:
  struct Held {
    GroupId group;
    raft::AppendOrder order;
  };
  void Accept(Group& group, const raft::Stepped& stepped, const GroupMessage& message);
  // Takes a prefix of the order's entries, none when that is not possible now. Gives their bytes.
  uint64_t Fill(Group& group, const raft::AppendOrder& order, std::vector<Entry>& filled);
  void Hold(Group& group, raft::AppendOrder&& order);

  Shared& shared_;
  std::map<NodeId, std::vector<Held>> held_;  // at most one for each group and peer
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_REPLICATION_H_
