// SPDX-License-Identifier: Apache-2.0
//
// Entries: where the entries of one group are. Each has a place in the node's log and, while it may
// be needed soon, its payload in memory. PayloadCache bounds those payloads for the whole node:
// beyond its limits the oldest that are applied go, and are read back from the log when a follower
// wants them after all. What is not applied stays; its bytes are bounded where it comes in.
#ifndef METARING_KVNODE_STRONG_ENTRIES_H_
#define METARING_KVNODE_STRONG_ENTRIES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "kvnode/base/ids.h"
#include "kvnode/log/log.h"
#include "kvnode/raft/ids.h"
#include "kvnode/strong/peer_message.h"

namespace metaring::strong {

// The payloads in memory, oldest first. One caller.
class PayloadCache {
 public:
  // What became of the oldest payload.
  enum class Eviction : uint8_t { kGone, kNeeded };
  using Evict = std::function<Eviction(GroupId, raft::LogIndex)>;

  PayloadCache(uint64_t bytes_max, size_t entries_max)
      : bytes_max_(bytes_max), entries_max_(entries_max) {}

  uint64_t bytes() const { return bytes_; }
  void Added(GroupId group, raft::LogIndex index, uint64_t bytes);
  void Removed(uint64_t bytes) { bytes_ -= bytes; }
  // Asks `evict` to drop the oldest payloads until the bounds hold, but each at most once.
  void Shrink(const Evict& evict);

 private:
  struct Item {
    GroupId group;
    raft::LogIndex index;
  };
  bool Over() const { return bytes_ > bytes_max_ || items_.size() > entries_max_; }

  const uint64_t bytes_max_;
  const size_t entries_max_;
  uint64_t bytes_ = 0;
  std::deque<Item> items_;  // some name what is gone
};

// One caller. Holds (base, last]; an empty one has no memory of its own.
class Entries {
 public:
  struct Slot {
    Entry entry;          // its payload is null when it is not in memory
    uint32_t bytes = 0;   // of the payload
    bool placed = false;  // it is in the log at `position`
    log::Lsn position;
  };

  explicit Entries(raft::LogIndex base) : base_(base) {}

  raft::LogIndex base() const { return base_; }
  raft::LogIndex last() const { return raft::LogIndex(base_.value() + size()); }
  size_t size() const { return slots_ ? slots_->all.size() - slots_->gone : 0; }
  // Null for an index that is not in (base, last]. Valid until the next change.
  Slot* Find(raft::LogIndex index);
  const Slot* Find(raft::LogIndex index) const;

  // Behind the last.
  void Append(PayloadCache& cache, GroupId group, Entry entry);
  // One that is in the log and not in memory.
  void AppendPlaced(EntryKind kind, uint32_t bytes, log::Lsn position);
  // Forgets `index` and what is behind it.
  void TruncateFrom(PayloadCache& cache, raft::LogIndex index);
  // Forgets what is up to `index`, which is the base then.
  void CompactTo(PayloadCache& cache, raft::LogIndex index);
  // Forgets everything.
  void Reset(PayloadCache& cache, raft::LogIndex base);
  // Drops a payload that is in memory and placed.
  void DropPayload(PayloadCache& cache, Slot& slot);

 private:
  // A queue that is small when it has few: most groups have one entry, or none.
  struct Slots {
    std::vector<Slot> all;
    size_t gone = 0;  // of the front; moved out when they are half of all
  };
  std::vector<Slot>& Back();
  static void Forget(PayloadCache& cache, const Slot& slot);

  raft::LogIndex base_;
  std::unique_ptr<Slots> slots_;  // null when empty
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_ENTRIES_H_
