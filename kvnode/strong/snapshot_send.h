// SPDX-License-Identifier: Apache-2.0
//
// SnapshotSender: copies groups' states from one View to the spool, at the disk's speed and some in
// each round, and then sends them from there, one chunk at a time, at the receiver's speed. So a
// slow receiver pins no old pages of the store. Peers wait in a queue for their turn.
#ifndef METARING_KVNODE_STRONG_SNAPSHOT_SEND_H_
#define METARING_KVNODE_STRONG_SNAPSHOT_SEND_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kvnode/strong/shared.h"
#include "kvnode/strong/snapshot_format.h"

namespace metaring::strong {

// One caller.
class SnapshotSender {
 public:
  explicit SnapshotSender(Shared& shared) : shared_(shared) {}

  // Output::snapshots.
  void Want(const Group& group, NodeId peer);
  void Receive(NodeId from, const SnapshotReply& reply);
  // In each round: begins, copies and sends.
  void Run();
  void Tick();
  void Drop(NodeId peer);
  void Forget(const Group& group);

 private:
  static constexpr uint32_t kResendTicks = 5;
  static constexpr uint32_t kGiveUpTicks = 300;  // without any answer

  using Key = std::pair<GroupId, NodeId>;
  struct Transfer {
    TransferId id;
    raft::Term term;
    raft::InstallSnapshot head;
    std::unique_ptr<SnapshotSource> source;  // while it is copied
    std::string name;
    std::unique_ptr<File> file;
    Bytes tail;          // copied, and not yet a whole chunk
    uint64_t bytes = 0;  // written
    uint64_t checksum = 0;
    uint64_t offset = 0;  // of the chunk that is due or under way
    bool due = false;     // it is to be sent
    uint32_t silent_ticks = 0;
  };

  Status Begin(const Key& key);
  Status Copy(Transfer& transfer);
  Status WriteChunk(Transfer& transfer, ByteView chunk) const;
  Status SendChunk(const Key& key, Transfer& transfer);
  // Ends one, whether it exists or not. Its core hears of success at once and of failure at the
  // next tick, so that what cannot be done is not tried without end.
  void End(const Key& key, bool delivered);
  void Tell(const Key& key, raft::LogIndex index, bool delivered);
  bool Stands(const Key& key, raft::Term term);

  Shared& shared_;
  std::deque<Key> queue_;
  std::vector<Key> failed_;
  std::map<Key, Transfer> transfers_;  // at most EngineOptions::snapshots_max
  uint64_t number_ = 0;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_SNAPSHOT_SEND_H_
