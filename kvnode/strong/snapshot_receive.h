// SPDX-License-Identifier: Apache-2.0
//
// SnapshotReceiver: takes a leader's snapshot into the spool, checks all of it, and only then lets
// it replace what the store has. What fits into one Txn replaces it in one. More takes several: the
// first marks the group as being erased, so that a crash in the middle leaves a replica that knows
// that it has nothing (recovery.cc), and never one that serves a mixture. The core hears of the
// installation when it is flushed: only then may it promise what the snapshot holds.
#ifndef METARING_KVNODE_STRONG_SNAPSHOT_RECEIVE_H_
#define METARING_KVNODE_STRONG_SNAPSHOT_RECEIVE_H_

#include <map>
#include <memory>
#include <string>

#include "kvnode/strong/shared.h"
#include "kvnode/strong/snapshot_format.h"

namespace metaring::strong {

// One caller.
class SnapshotReceiver {
 public:
  explicit SnapshotReceiver(Shared& shared) : shared_(shared) {}

  void Receive(NodeId from, const SnapshotChunk& chunk);
  // Output::install.
  void Install(Group& group, const raft::InstallSnapshot& snapshot);
  // In each round: steps of installations, and what came of transfers.
  void Run();
  void Forget(const Group& group);

 private:
  enum class Stage { kReceiving, kComplete, kInstalling, kFlushing };

  struct Transfer {
    NodeId from;
    SnapshotChunk head;  // of the first chunk, without its data
    std::string name;
    std::unique_ptr<File> file;
    PairParser parser;
    Stage stage = Stage::kReceiving;
    uint64_t bytes = 0;  // received; then: installed
    uint64_t checksum = 0;
    bool erased = false;
    bool marked = false;  // the store says that the group is being erased
    uint64_t txn = 0;     // of the last step
    log::Lsn void_before{};
  };

  Transfer* Begin(NodeId from, const SnapshotChunk& chunk);
  Status Take(Transfer& transfer, const SnapshotChunk& chunk);
  void Complete(Group& group, Transfer& transfer);
  // A step of an installation. The one place where a snapshot becomes state.
  Status Step(Group& group, Transfer& transfer);
  Status StepIn(store::Txn& txn, Group& group, Transfer& transfer);
  Status PutSome(store::Txn& txn, Transfer& transfer) const;
  void PutRecord(store::Txn& txn, Group& group, Transfer& transfer, bool whole) const;
  void Installed(Group& group, Transfer& transfer);
  void Reply(NodeId to, const SnapshotChunk& about, SnapshotAnswer answer, uint64_t offset = 0);
  // Ends a transfer with an answer.
  void End(GroupId group, SnapshotAnswer answer);

  Shared& shared_;
  std::map<GroupId, Transfer> transfers_;  // at most EngineOptions::snapshots_max
  uint64_t number_ = 0;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_SNAPSHOT_RECEIVE_H_
