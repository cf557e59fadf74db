// SPDX-License-Identifier: Apache-2.0
//
// The engine's records in the log: what each group, and the node, must not forget.
//
//   record         = by log::Record::type, of the group log::Record::group
//   kEntry         = index(varint) term(varint) commit(varint) kind(u8) payload(rest)
//   kHardState     = term(varint) vote(varint) commit(varint)
//   kTruncated     = from(varint)
//   kDamaged       = damage(varint) first_lost(varint)
//   kRepaired      = damage(varint)
//   kCreated       = write_ack(u8) damage(varint) term(varint) vote(varint) configuration
//   kDestroyed     = (nothing)
//   kNode          = incarnation(varint) support_epoch(varint)     group 0, of the node
//   configuration  = count(varint) member*, ordered by node
//   member         = node(varint) flags(u8: 1 learner, 2 out of sync)
//
// An entry stands until another entry, a truncation or a damage of its group comes with its index
// or a lower one. So who writes an entry anew, to let the log before it go, writes all behind it
// anew. `commit` is what the group knew to be committed when the record was written. A created
// group starts empty: what stands before the record is void.
//
// Example: entry 300 of term 2, a no-op, when 299 was committed:
//   ac 02 | 02 | ab 02 | 01
#ifndef METARING_KVNODE_STRONG_RECORD_CODEC_H_
#define METARING_KVNODE_STRONG_RECORD_CODEC_H_

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/raft/core.h"
#include "kvnode/strong/peer_message.h"

namespace metaring::strong {

// From 16 on: the embedded form has records of its own in logs of its own.
enum class RecordType : uint8_t {
  kEntry = 16,
  kHardState = 17,
  kTruncated = 18,
  kDamaged = 19,
  kRepaired = 20,
  kCreated = 21,
  kDestroyed = 22,
  kNode = 23,
};

struct EntryRecord {
  raft::LogIndex index;
  raft::Term term;
  raft::LogIndex commit;
  EntryKind kind = EntryKind::kNoOp;
  ByteView payload;  // views the decoded bytes
};

struct HardStateRecord {
  raft::HardState hard_state;
  raft::LogIndex commit;
};

struct DamagedRecord {
  raft::RepairId damage;
  raft::LogIndex first_lost;
};

struct CreatedRecord {
  raft::WriteAck write_ack = raft::WriteAck::kMajority;
  // Of an earlier life of the group on this node, so that no vote is given twice.
  raft::RepairId damage;
  raft::HardState hard_state;
  raft::Configuration configuration;
};

struct NodeRecord {
  uint64_t incarnation = 0;
  raft::SupportEpoch support;
};

Bytes EncodeEntry(const EntryRecord& entry);
Bytes EncodeHardState(const HardStateRecord& record);
Bytes EncodeTruncated(raft::LogIndex from);
Bytes EncodeDamaged(const DamagedRecord& record);
Bytes EncodeRepaired(raft::RepairId damage);
Bytes EncodeCreated(const CreatedRecord& record);
Bytes EncodeNode(const NodeRecord& record);
Bytes EncodeConfiguration(const raft::Configuration& configuration);

// kCorrupt for what does not decode whole, or has a number over its bound.
Result<EntryRecord> DecodeEntry(ByteView raw);
Result<HardStateRecord> DecodeHardState(ByteView raw);
Result<raft::LogIndex> DecodeTruncated(ByteView raw);
Result<DamagedRecord> DecodeDamaged(ByteView raw);
Result<raft::RepairId> DecodeRepaired(ByteView raw);
Result<CreatedRecord> DecodeCreated(ByteView raw);
Result<NodeRecord> DecodeNode(ByteView raw);
// Of nobody, too: a replica that has yet to be told who its group is.
Result<raft::Configuration> DecodeConfiguration(ByteView raw);

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_RECORD_CODEC_H_
