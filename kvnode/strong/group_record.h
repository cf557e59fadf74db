// SPDX-License-Identifier: Apache-2.0
//
// What the store has of a group beside its data. All of it is written in the same Txn as the data
// that it speaks of (pitfall 6), so that a store that was flushed needs nothing of the log.
//
//   system key    = 0xff 0xff part(u8) group(u32 BE) rest     no slot has the number 0xffff, so the
//                                                             state machine never makes such a key
//   part 'g'      = group record
//   part 'c'      = index(varint) configuration: the last that was applied (record_codec.h)
//   part 'k'      = rest is keyspace(u32 BE), the value is empty: the group has had data of it
//   group record  = checksum(u64 LE) format(u8 = 1) state(u8) write_ack(u8) applied(varint)
//                   applied_term(varint) term(varint) vote(varint) void_before(varint)
//                   damage(varint) damaged(u8)
//   checksum      = xxh3(what is behind it, seed = group)
//
// Example, group 7 in state normal, majority, applied 300 of term 2, vote for node 1:
//   key    ff ff 67 00 00 00 07
//   value  <8 bytes of checksum> 01 01 00 ac 02 02 02 01 00 00 00
#ifndef METARING_KVNODE_STRONG_GROUP_RECORD_H_
#define METARING_KVNODE_STRONG_GROUP_RECORD_H_

#include <optional>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/log/log.h"
#include "kvnode/raft/core.h"
#include "kvnode/store/store.h"

namespace metaring::strong {

enum class GroupState : uint8_t {
  kNormal = 1,
  // The data is being replaced or deleted in several Txns, and is nobody's state now. Who finds
  // this at the start finishes the deletion.
  kErasing = 2,
  // No replica is here any more. The votes that it gave are remembered.
  kRemoved = 3,
};

struct GroupRecord {
  GroupState state = GroupState::kNormal;
  raft::WriteAck write_ack = raft::WriteAck::kMajority;
  raft::LogIndex applied;
  raft::Term applied_term;
  raft::HardState hard_state;  // no older than that of any acknowledgement; the log may have newer
  log::Lsn void_before;        // entries of this group before it were replaced by a snapshot
  raft::RepairId damage;
  bool damaged = false;
};

Bytes EncodeGroupRecord(GroupId group, const GroupRecord& record);
Result<GroupRecord> DecodeGroupRecord(GroupId group, ByteView raw);  // kCorrupt

Bytes GroupKey(GroupId group);
Bytes ConfigurationKey(GroupId group);
Bytes KeyspacePrefix(GroupId group);  // of the keys of part 'k'

// Nothing: there was never a replica here.
Result<std::optional<GroupRecord>> ReadGroupRecord(const store::View& view, GroupId group);
// Of nobody at index 0 when none was applied.
Result<raft::ConfigurationEntry> ReadAppliedConfiguration(const store::View& view, GroupId group);
// Ascending.
Result<std::vector<KeyspaceId>> ReadKeyspaces(const store::View& view, GroupId group);
// All that have a record, ascending.
Result<std::vector<GroupId>> ListGroups(const store::View& view);

void PutGroupRecord(store::Txn& txn, GroupId group, const GroupRecord& record);
void PutAppliedConfiguration(store::Txn& txn, GroupId group,
                             const raft::ConfigurationEntry& configuration);
void PutKeyspace(store::Txn& txn, GroupId group, KeyspaceId keyspace);
void DeleteAppliedConfiguration(store::Txn& txn, GroupId group);
void DeleteKeyspace(store::Txn& txn, GroupId group, KeyspaceId keyspace);

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_GROUP_RECORD_H_
