// SPDX-License-Identifier: Apache-2.0
//
// ReadTable: what the threads that answer reads must know of each group, without a word with the
// engine's loop: whether this node may serve it, what is applied, and who leads.
//
// The engine publishes; everybody reads. Groups are spread over shards, each a lock that is held to
// copy a pointer and two numbers. How to read, in this order (raft/read_gate.h argues it):
//
//   const raft::LogIndex applied = table.Applied(group);  // before the View: it then has all of it
//   auto view = store.NewView();
//   ... read ...
//   if (table.Judge(ticket, applied) == raft::ReadVerdict::kServe) answer;
//
// The state is never older than `applied`, since a Txn is committed before its index is published.
#ifndef METARING_KVNODE_STRONG_READ_TABLE_H_
#define METARING_KVNODE_STRONG_READ_TABLE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "kvnode/base/clock.h"
#include "kvnode/base/mutex.h"
#include "kvnode/raft/read_gate.h"

namespace metaring::strong {

enum class ReadMode : uint8_t {
  kLease,      // by the leader's lease; without one, as kReadIndex
  kReadIndex,  // a majority confirms the leader
  kStale,      // what this replica has
};

// The right to try a read. A value; it is good for any number of reads until Judge says otherwise.
struct ReadTicket {
  GroupId group;
  ReadMode mode = ReadMode::kLease;
  raft::ConfirmedReads confirmed;  // of kReadIndex
};

// Thread-safe.
class ReadTable {
 public:
  ReadTable(const Clock& clock, const raft::LeaseLimits& limits);
  ReadTable(const ReadTable&) = delete;
  ReadTable& operator=(const ReadTable&) = delete;
  ~ReadTable() = default;

  // Zero: nothing can be read of it here.
  raft::LogIndex Applied(GroupId group) const;
  // The node that leads it, as far as this one knows; zero: not known.
  NodeId Leader(GroupId group) const;
  // Call it after the read; `applied` was taken before. The one place where a read is let out.
  raft::ReadVerdict Judge(const ReadTicket& ticket, raft::LogIndex applied) const;

  // For the engine.
  void PublishGate(GroupId group, raft::ReadGate gate, NodeId leader);
  void PublishApplied(GroupId group, raft::LogIndex applied);
  // What is there cannot be read for now: it is being replaced.
  void Close(GroupId group);
  void Forget(GroupId group);
  void PublishSupport(const raft::SupportReceived& received);

 private:
  static constexpr size_t kShards = 64;

  struct Published {
    std::shared_ptr<const raft::ReadGate> gate;  // null: closed
    raft::LogIndex applied;
    NodeId leader;
  };
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<GroupId, Published> groups GUARDED_BY(mutex);
  };
  const Shard& ShardOf(GroupId group) const { return shards_[group.value() % kShards]; }
  Shard& ShardOf(GroupId group) { return shards_[group.value() % kShards]; }
  std::optional<Published> Find(GroupId group) const;
  std::shared_ptr<const raft::SupportReceived> Support() const;

  const Clock& clock_;
  std::array<Shard, kShards> shards_;
  mutable Mutex support_mutex_;
  // Replaced, never changed.
  std::shared_ptr<const raft::SupportReceived> support_ GUARDED_BY(support_mutex_);
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_READ_TABLE_H_
