// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a group's snapshot: everything that the store has of it, but for its record, which
// belongs to the replica.
//
//   snapshot = pair*
//   pair     = key value                 length-prefixed, as they stand in the store, in the order:
//                                        the applied configuration, keyspaces, data by keyspace
//   checksum = xxh3(chunk, seed = the checksum so far), from 0, over the stream in pieces of
//              kSnapshotChunkBytesMax
#ifndef METARING_KVNODE_STRONG_SNAPSHOT_FORMAT_H_
#define METARING_KVNODE_STRONG_SNAPSHOT_FORMAT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/disk.h"
#include "kvnode/store/store.h"
#include "kvnode/strong/group_record.h"

namespace metaring::strong {

// Reads one group out of one View, piece by piece. One caller.
class SnapshotSource {
 public:
  static Result<std::unique_ptr<SnapshotSource>> Open(const store::Store& store, GroupId group);

  // What it is a snapshot of.
  const raft::InstallSnapshot& head() const { return head_; }
  // The next bytes of the stream, at least one pair; empty at its end.
  Result<Bytes> Next(uint64_t bytes_wanted);

 private:
  SnapshotSource() = default;

  std::unique_ptr<store::View> view_;
  std::unique_ptr<store::Cursor> cursor_;
  raft::InstallSnapshot head_;
  std::vector<Bytes> prefixes_;  // of what it takes, in order
  size_t at_ = 0;                // the prefix that the cursor is in
  bool seek_ = true;             // the cursor has to be put there first
};

// Takes the stream apart again. One caller.
class PairParser {
 public:
  using Sink = std::function<void(ByteView key, ByteView value)>;

  explicit PairParser(GroupId group) : group_(group) {}

  // Gives each pair that is whole. kCorrupt: no pair, or of something that is not the group's.
  Status Feed(ByteView bytes, const Sink& sink);
  // Whether the stream may end here.
  bool AtEnd() const { return rest_.empty(); }

 private:
  GroupId group_;
  Bytes rest_;  // of a pair that is not whole yet
};

// Whether such a key may stand in a snapshot of this group.
bool IsSnapshotKey(GroupId group, ByteView key);

inline uint64_t ChainChecksum(uint64_t so_far, ByteView chunk) {
  return Xxh3(chunk, so_far);
}

// Removes every file. Scratch files have no other life than their transfer's.
Status EmptySpool(Disk& spool);

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_SNAPSHOT_FORMAT_H_
