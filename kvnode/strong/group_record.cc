// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/group_record.h"

#include <fmt/format.h>

#include <utility>

#include "kvnode/strong/record_codec.h"

namespace metaring::strong {
namespace {

constexpr uint8_t kFormat = 1;
constexpr uint16_t kSystemSlot = 0xffff;
constexpr size_t kKeyBytes = 7;

enum class Part : char { kGroup = 'g', kConfiguration = 'c', kKeyspace = 'k' };

Bytes PartPrefix(Part part) {
  Bytes key;
  AppendBigU16(key, kSystemSlot);
  key.push_back(static_cast<char>(part));
  return key;
}

Bytes SystemKey(Part part, GroupId group) {
  Bytes key = PartPrefix(part);
  AppendBigU32(key, group.value());
  return key;
}

Bytes KeyspaceKey(GroupId group, KeyspaceId keyspace) {
  Bytes key = SystemKey(Part::kKeyspace, group);
  AppendBigU32(key, keyspace.value());
  return key;
}

tl::unexpected<Error> Damaged(GroupId group, const char* what) {
  return Fail(ErrorCode::kCorrupt,
              fmt::format("the record of group {:#x} in the store {}", group.value(), what));
}

}  // namespace

Bytes EncodeGroupRecord(GroupId group, const GroupRecord& record) {
  Bytes body;
  AppendU8(body, kFormat);
  AppendU8(body, static_cast<uint8_t>(record.state));
  AppendU8(body, static_cast<uint8_t>(record.write_ack));
  AppendVarint(body, record.applied.value());
  AppendVarint(body, record.applied_term.value());
  AppendVarint(body, record.hard_state.term.value());
  AppendVarint(body, record.hard_state.vote.value());
  AppendVarint(body, record.void_before.value());
  AppendVarint(body, record.damage.value());
  AppendU8(body, record.damaged ? 1 : 0);
  Bytes raw;
  AppendLittleU64(raw, Xxh3(body, group.value()));
  raw.append(body);
  return raw;
}

Result<GroupRecord> DecodeGroupRecord(GroupId group, ByteView raw) {
  Reader reader(raw);
  const uint64_t checksum = reader.LittleU64();
  if (!reader.ok() || checksum != Xxh3(reader.rest(), group.value())) {
    return Damaged(group, "has a wrong checksum");
  }
  if (reader.U8() != kFormat) return Damaged(group, "has another format");
  GroupRecord record;
  record.state = static_cast<GroupState>(reader.U8());
  record.write_ack = static_cast<raft::WriteAck>(reader.U8());
  record.applied = raft::LogIndex(reader.Varint());
  record.applied_term = raft::Term(reader.Varint());
  record.hard_state.term = raft::Term(reader.Varint());
  record.hard_state.vote = NodeId(reader.Varint());
  record.void_before = log::Lsn(reader.Varint());
  record.damage = raft::RepairId(reader.Varint());
  record.damaged = reader.U8() != 0;
  const bool known = record.state >= GroupState::kNormal && record.state <= GroupState::kRemoved &&
                     record.write_ack <= raft::WriteAck::kAllInSync;
  if (!reader.Done() || !known) return Damaged(group, "does not decode");
  return record;
}

Bytes GroupKey(GroupId group) {
  return SystemKey(Part::kGroup, group);
}

Bytes ConfigurationKey(GroupId group) {
  return SystemKey(Part::kConfiguration, group);
}

Bytes KeyspacePrefix(GroupId group) {
  return SystemKey(Part::kKeyspace, group);
}

Result<std::optional<GroupRecord>> ReadGroupRecord(const store::View& view, GroupId group) {
  ASSIGN_OR_RETURN(const auto raw, view.Get(GroupKey(group)));
  if (!raw) return std::optional<GroupRecord>();
  ASSIGN_OR_RETURN(GroupRecord record, DecodeGroupRecord(group, *raw));
  return std::optional<GroupRecord>(record);
}

Result<raft::ConfigurationEntry> ReadAppliedConfiguration(const store::View& view, GroupId group) {
  ASSIGN_OR_RETURN(const auto raw, view.Get(SystemKey(Part::kConfiguration, group)));
  raft::ConfigurationEntry entry;
  if (!raw) return entry;
  Reader reader(*raw);
  entry.index = raft::LogIndex(reader.Varint());
  ASSIGN_OR_RETURN(entry.configuration, DecodeConfiguration(reader.rest()));
  return entry;
}

Result<std::vector<KeyspaceId>> ReadKeyspaces(const store::View& view, GroupId group) {
  const Bytes prefix = SystemKey(Part::kKeyspace, group);
  std::vector<KeyspaceId> keyspaces;
  const auto cursor = view.NewCursor();
  for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    Reader reader(cursor->key().substr(prefix.size()));
    keyspaces.emplace_back(reader.BigU32());
    if (!reader.Done()) return Damaged(group, "has a strange keyspace");
  }
  RETURN_IF_ERROR(cursor->status());
  return keyspaces;
}

Result<std::vector<GroupId>> ListGroups(const store::View& view) {
  const Bytes prefix = PartPrefix(Part::kGroup);
  std::vector<GroupId> groups;
  const auto cursor = view.NewCursor();
  for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    Reader reader(cursor->key().substr(prefix.size()));
    groups.emplace_back(reader.BigU32());
    if (!reader.Done() || cursor->key().size() != kKeyBytes) {
      return Fail(ErrorCode::kCorrupt, "a strange key among the records of groups");
    }
  }
  RETURN_IF_ERROR(cursor->status());
  return groups;
}

void PutGroupRecord(store::Txn& txn, GroupId group, const GroupRecord& record) {
  txn.Put(GroupKey(group), EncodeGroupRecord(group, record));
}

void PutAppliedConfiguration(store::Txn& txn, GroupId group,
                             const raft::ConfigurationEntry& configuration) {
  Bytes raw;
  AppendVarint(raw, configuration.index.value());
  raw.append(EncodeConfiguration(configuration.configuration));
  txn.Put(SystemKey(Part::kConfiguration, group), raw);
}

void PutKeyspace(store::Txn& txn, GroupId group, KeyspaceId keyspace) {
  txn.Put(KeyspaceKey(group, keyspace), {});
}

void DeleteAppliedConfiguration(store::Txn& txn, GroupId group) {
  txn.Delete(SystemKey(Part::kConfiguration, group));
}

void DeleteKeyspace(store::Txn& txn, GroupId group, KeyspaceId keyspace) {
  txn.Delete(KeyspaceKey(group, keyspace));
}

}  // namespace metaring::strong
