// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/record_codec.h"

#include <string>
#include <utility>
#include <vector>

namespace metaring::strong {
namespace {

using raft::LogIndex;
using raft::Term;

constexpr uint8_t kLearner = 1;
constexpr uint8_t kOutOfSync = 2;

tl::unexpected<Error> Damaged(const char* what) {
  return Fail(ErrorCode::kCorrupt, std::string("a record of the log does not decode: ") + what);
}

void AppendHardState(Bytes& raw, const raft::HardState& hard_state) {
  AppendVarint(raw, hard_state.term.value());
  AppendVarint(raw, hard_state.vote.value());
}
raft::HardState TakeHardState(Reader& reader) {
  const Term term(reader.Varint());
  return {term, NodeId(reader.Varint())};
}

bool InBounds(LogIndex index) {
  return index.value() <= raft::kLogIndexMax;
}
bool InBounds(Term term) {
  return term.value() <= raft::kTermMax;
}

void AppendConfiguration(Bytes& raw, const raft::Configuration& configuration) {
  AppendVarint(raw, configuration.members().size());
  for (const raft::Member& member : configuration.members()) {
    AppendVarint(raw, member.node.value());
    const bool learner = member.role == raft::MemberRole::kLearner;
    AppendU8(raw,
             static_cast<uint8_t>((learner ? kLearner : 0) | (member.in_sync ? 0 : kOutOfSync)));
  }
}

raft::Configuration TakeConfiguration(Reader& reader) {
  const uint64_t count = reader.Varint();
  std::vector<raft::Member> members;
  for (uint64_t i = 0; reader.ok() && i < count; ++i) {
    raft::Member member{.node = NodeId(reader.Varint())};
    const uint8_t flags = reader.U8();
    if ((flags & kLearner) != 0) member.role = raft::MemberRole::kLearner;
    member.in_sync = (flags & kOutOfSync) == 0;
    members.push_back(member);
  }
  return raft::Configuration(std::move(members));
}

bool IsWhole(const Reader& reader, const raft::Configuration& configuration) {
  return reader.Done() && (configuration.members().empty() || configuration.Check());
}

}  // namespace

Bytes EncodeEntry(const EntryRecord& entry) {
  Bytes raw;
  raw.reserve(entry.payload.size() + 31);
  AppendVarint(raw, entry.index.value());
  AppendVarint(raw, entry.term.value());
  AppendVarint(raw, entry.commit.value());
  AppendU8(raw, static_cast<uint8_t>(entry.kind));
  raw.append(entry.payload);
  return raw;
}

Result<EntryRecord> DecodeEntry(ByteView raw) {
  Reader reader(raw);
  EntryRecord entry;
  entry.index = LogIndex(reader.Varint());
  entry.term = Term(reader.Varint());
  entry.commit = LogIndex(reader.Varint());
  entry.kind = static_cast<EntryKind>(reader.U8());
  entry.payload = reader.rest();
  const bool known = entry.kind >= EntryKind::kNoOp && entry.kind <= EntryKind::kConfiguration;
  const bool sane = InBounds(entry.index) && entry.index > LogIndex(0) && InBounds(entry.term) &&
                    InBounds(entry.commit);
  if (!reader.ok() || !known || !sane) return Damaged("an entry");
  return entry;
}

Bytes EncodeHardState(const HardStateRecord& record) {
  Bytes raw;
  AppendHardState(raw, record.hard_state);
  AppendVarint(raw, record.commit.value());
  return raw;
}

Result<HardStateRecord> DecodeHardState(ByteView raw) {
  Reader reader(raw);
  HardStateRecord record{TakeHardState(reader), LogIndex(reader.Varint())};
  if (!reader.Done() || !InBounds(record.hard_state.term) || !InBounds(record.commit)) {
    return Damaged("a hard state");
  }
  return record;
}

Bytes EncodeTruncated(LogIndex from) {
  Bytes raw;
  AppendVarint(raw, from.value());
  return raw;
}

Result<LogIndex> DecodeTruncated(ByteView raw) {
  Reader reader(raw);
  const LogIndex from(reader.Varint());
  if (!reader.Done() || !InBounds(from)) return Damaged("a truncation");
  return from;
}

Bytes EncodeDamaged(const DamagedRecord& record) {
  Bytes raw;
  AppendVarint(raw, record.damage.value());
  AppendVarint(raw, record.first_lost.value());
  return raw;
}

Result<DamagedRecord> DecodeDamaged(ByteView raw) {
  Reader reader(raw);
  DamagedRecord record;
  record.damage = raft::RepairId(reader.Varint());
  record.first_lost = LogIndex(reader.Varint());
  if (!reader.Done() || !InBounds(record.first_lost)) return Damaged("a damage");
  return record;
}

Bytes EncodeRepaired(raft::RepairId damage) {
  Bytes raw;
  AppendVarint(raw, damage.value());
  return raw;
}

Result<raft::RepairId> DecodeRepaired(ByteView raw) {
  Reader reader(raw);
  const raft::RepairId damage(reader.Varint());
  if (!reader.Done()) return Damaged("a repair");
  return damage;
}

Bytes EncodeCreated(const CreatedRecord& record) {
  Bytes raw;
  AppendU8(raw, static_cast<uint8_t>(record.write_ack));
  AppendVarint(raw, record.damage.value());
  AppendHardState(raw, record.hard_state);
  AppendConfiguration(raw, record.configuration);
  return raw;
}

Result<CreatedRecord> DecodeCreated(ByteView raw) {
  Reader reader(raw);
  CreatedRecord record;
  const uint8_t write_ack = reader.U8();
  record.write_ack = static_cast<raft::WriteAck>(write_ack);
  record.damage = raft::RepairId(reader.Varint());
  record.hard_state = TakeHardState(reader);
  record.configuration = TakeConfiguration(reader);
  const bool known = write_ack <= static_cast<uint8_t>(raft::WriteAck::kAllInSync);
  if (!IsWhole(reader, record.configuration) || !known || !InBounds(record.hard_state.term)) {
    return Damaged("a creation");
  }
  return record;
}

Bytes EncodeNode(const NodeRecord& record) {
  Bytes raw;
  AppendVarint(raw, record.incarnation);
  AppendVarint(raw, record.support.value());
  return raw;
}

Result<NodeRecord> DecodeNode(ByteView raw) {
  Reader reader(raw);
  NodeRecord record;
  record.incarnation = reader.Varint();
  record.support = raft::SupportEpoch(reader.Varint());
  if (!reader.Done()) return Damaged("the node's");
  return record;
}

Bytes EncodeConfiguration(const raft::Configuration& configuration) {
  Bytes raw;
  AppendConfiguration(raw, configuration);
  return raw;
}

Result<raft::Configuration> DecodeConfiguration(ByteView raw) {
  Reader reader(raw);
  raft::Configuration configuration = TakeConfiguration(reader);
  if (!IsWhole(reader, configuration)) return Damaged("a configuration");
  return configuration;
}

}  // namespace metaring::strong
