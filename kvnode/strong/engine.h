// SPDX-License-Identifier: Apache-2.0
//
// Engine: many Raft groups on one node (one shard of it), over one log and one store. It owns their
// cores and does what they say; it decides nothing that a core can decide.
//
// Inputs step cores at once and ask for a round. A round does, for all groups that were touched:
//   1. take what the cores want; publish read gates (read_table.h), before anything that they say
//      can reach anybody
//   2. give the log its records; ask for one sync
//   3. send one message to each peer; the leader does not wait for its own disk
//   4. apply what is committed and durable here, in one Txn of the store, with the applied indexes
//   5. answer: proposals that are applied, reads that may be served
// Nothing in it waits: what takes time is reported by a later call (world.h).
//
// Implementation: engine.cc (the API), engine_round.cc (the round), and a part for each subject:
// apply, reads, support_driver, replication, truncation, snapshot_send, snapshot_receive,
// membership, lifecycle; recovery.h is the start. What they share is in shared.h.
#ifndef METARING_KVNODE_STRONG_ENGINE_H_
#define METARING_KVNODE_STRONG_ENGINE_H_

#include <memory>
#include <optional>
#include <vector>

#include "kvnode/strong/group.h"
#include "kvnode/strong/ids.h"
#include "kvnode/strong/options.h"
#include "kvnode/strong/read_table.h"
#include "kvnode/strong/world.h"

namespace metaring::strong {

// One caller, the loop, but for reads(). Every callback is called exactly once, on the loop, never
// inside the call that it was given to; what is left when the engine ends is called by its
// destructor. Callbacks may call the engine.
class Engine {
 public:
  // Reads log and store and applies what is known to be committed; this takes its time. Errors:
  // kCorrupt (log and store do not belong together), kFormatMismatch (a log of another program),
  // kIo. A damaged group is no error: it is repaired from its leader.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options, const World& world);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // --- Reports of the world ---
  // `from` is who the transport says it is.
  void Receive(NodeId from, PeerMessage&& message);
  void LogDurable(log::Lsn durable);
  void StoreFlushed();
  void SetReachable(NodeId peer, bool reachable);
  void PeerWritable(NodeId peer);

  // --- Groups ---
  // A replica of a group on this node; answered when it is durable. The members of a new group are
  // all created with the same configuration; who joins a group that exists, with an empty one.
  // kExists.
  void CreateGroup(GroupId id, raft::WriteAck write_ack, const raft::Configuration& configuration,
                   StatusCallback done);
  // The group has no member here any more: its data goes. Answered when that is durable.
  // kUnavailable: no such replica.
  void DestroyGroup(GroupId id, StatusCallback done);
  std::vector<GroupId> Groups() const;
  // Place in the order of campaigns; the next node clockwise of a leader has 0.
  void SetElectionRank(GroupId id, uint8_t rank);

  // --- Requests ---
  // Replicates and applies a command of the group's slot (state::EncodeCommand). Refused, surely
  // not applied: kUnavailable (not the leader here; reads().Leader says who may be), kNoSpace,
  // kBusy, kInvalidArgument. kUnknownOutcome: leadership ended first; a retry under the same
  // request id tells. Other errors are the command's own outcome (state::Machine).
  void Propose(GroupId id, Bytes command, log::SpaceUse use, ProposeCallback done);
  // Answered when a read may be tried; read_table.h says how. kUnavailable: not the leader here.
  void Read(GroupId id, ReadMode mode, ReadCallback done);
  // Begins to hand over. What comes of it: GroupStatus. Errors as raft::Core::TransferLeadership.
  Status TransferLeadership(GroupId id, NodeId target);
  // Of a leader: goes, step by step, to where these are the voters and there is nobody else.
  // Ends with this leadership; whoever wants it asks the next leader again. kUnavailable,
  // kInvalidArgument.
  Status SetVoters(GroupId id, std::vector<NodeId> voters);
  // One step, at once. Errors as raft::Core::ProposeConfiguration.
  Status ChangeConfiguration(GroupId id, const raft::Configuration& configuration);

  // --- Looks ---
  // Nothing: no such replica.
  std::optional<GroupStatus> Look(GroupId id) const;
  EngineCounters counters() const;
  // Thread-safe, and as long-lived as the engine.
  const ReadTable& reads() const;
  // Of this life of the node.
  uint64_t incarnation() const;

 private:
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_ENGINE_H_
