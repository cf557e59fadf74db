// SPDX-License-Identifier: Apache-2.0
//
// Commands as bytes in the log. A command is at most kTransactionBytesMax plus its framing.
//
//   command  = format(u8 = 1) kind(u8) slot(varint) keyspace(varint) log_time(u64 LE) body
//   kind 1   = transaction: flags(u8: 1 request id, 2 frees_space) [request id]
//              count(varint) compare*  count(varint) op*  count(varint) read*
//   compare  = kind(u8) key version(varint) value end          (key, value, end: length-prefixed)
//   op       = kind(u8) key, then for a put: codec(u8) value; for add and max: delta(u64 LE)
//   kind 2   = stage: upload(u64 LE) index(varint) data
//   kind 3   = publish: key codec(u8) upload(u64 LE) chunks(varint) bytes(varint) [request id]
//   request id = client(u64 LE) sequence(varint) lowest_outstanding(varint)
#include <fmt/format.h>

#include "kvnode/state/machine.h"

namespace metaring::state {
namespace {

constexpr uint8_t kFormat = 1;
enum class CommandKind : uint8_t { kTransaction = 1, kStage = 2, kPublish = 3 };
constexpr uint8_t kHasRequestId = 1;
constexpr uint8_t kFreesSpace = 2;

Bytes Begin(CommandKind kind, Scope scope, int64_t log_time_nanos, size_t body_bytes) {
  Bytes raw;
  raw.reserve(body_bytes + 32);
  AppendU8(raw, kFormat);
  AppendU8(raw, static_cast<uint8_t>(kind));
  AppendVarint(raw, scope.slot.value());
  AppendVarint(raw, scope.keyspace.value());
  AppendLittleU64(raw, static_cast<uint64_t>(log_time_nanos));
  return raw;
}

void AppendCompare(Bytes& raw, const Compare& compare) {
  AppendU8(raw, static_cast<uint8_t>(compare.kind));
  AppendLengthPrefixed(raw, compare.key);
  AppendVarint(raw, compare.version);
  AppendLengthPrefixed(raw, compare.value);
  AppendLengthPrefixed(raw, compare.end);
}

void AppendOp(Bytes& raw, const Op& op) {
  AppendU8(raw, static_cast<uint8_t>(op.kind));
  AppendLengthPrefixed(raw, op.key);
  switch (op.kind) {
    case Op::Kind::kPut:
      AppendU8(raw, static_cast<uint8_t>(op.codec));
      AppendLengthPrefixed(raw, op.value);
      break;
    case Op::Kind::kDelete:
      break;
    case Op::Kind::kAdd:
    case Op::Kind::kMax:
      AppendLittleU64(raw, static_cast<uint64_t>(op.delta));
      break;
  }
}

void AppendRequestId(Bytes& raw, const RequestId& id) {
  AppendLittleU64(raw, id.client);
  AppendVarint(raw, id.sequence);
  AppendVarint(raw, id.lowest_outstanding);
}

size_t SizeHint(const Transaction& transaction) {
  size_t bytes = 64;
  for (const Compare& c : transaction.compares) bytes += c.key.size() + c.value.size() + 16;
  for (const Op& op : transaction.then_ops) bytes += op.key.size() + op.value.size() + 16;
  for (const Bytes& key : transaction.else_reads) bytes += key.size() + 4;
  return bytes;
}

Compare TakeCompare(Reader& reader) {
  Compare compare;
  compare.kind = static_cast<Compare::Kind>(reader.U8());
  compare.key = Bytes(reader.LengthPrefixed());
  compare.version = reader.Varint();
  compare.value = Bytes(reader.LengthPrefixed());
  compare.end = Bytes(reader.LengthPrefixed());
  return compare;
}

Op TakeOp(Reader& reader) {
  Op op;
  op.kind = static_cast<Op::Kind>(reader.U8());
  op.key = Bytes(reader.LengthPrefixed());
  if (op.kind == Op::Kind::kPut) {
    op.codec = static_cast<Codec>(reader.U8());
    op.value = Bytes(reader.LengthPrefixed());
  } else if (op.kind != Op::Kind::kDelete) {
    op.delta = static_cast<int64_t>(reader.LittleU64());
  }
  return op;
}

RequestId TakeRequestId(Reader& reader) {
  RequestId id;
  id.client = reader.LittleU64();
  id.sequence = reader.Varint();
  id.lowest_outstanding = reader.Varint();
  return id;
}

Transaction TakeTransaction(Reader& reader) {
  Transaction transaction;
  const uint8_t flags = reader.U8();
  if ((flags & kHasRequestId) != 0) transaction.request_id = TakeRequestId(reader);
  transaction.frees_space = (flags & kFreesSpace) != 0;
  // Each element takes bytes of its own, so a lying count ends the loops when the input ends.
  for (uint64_t n = reader.Varint(); reader.ok() && n > 0; --n) {
    transaction.compares.push_back(TakeCompare(reader));
  }
  for (uint64_t n = reader.Varint(); reader.ok() && n > 0; --n) {
    transaction.then_ops.push_back(TakeOp(reader));
  }
  for (uint64_t n = reader.Varint(); reader.ok() && n > 0; --n) {
    transaction.else_reads.emplace_back(reader.LengthPrefixed());
  }
  return transaction;
}

StageChunk TakeStageChunk(Reader& reader) {
  StageChunk chunk;
  chunk.upload = reader.LittleU64();
  chunk.index = static_cast<uint32_t>(reader.Varint());
  chunk.data = Bytes(reader.LengthPrefixed());
  return chunk;
}

Publish TakePublish(Reader& reader) {
  Publish publish;
  publish.key = Bytes(reader.LengthPrefixed());
  publish.codec = static_cast<Codec>(reader.U8());
  publish.head.upload = reader.LittleU64();
  publish.head.chunks = static_cast<uint32_t>(reader.Varint());
  publish.head.bytes = static_cast<uint32_t>(reader.Varint());
  if (reader.ok() && !reader.Done()) publish.request_id = TakeRequestId(reader);
  return publish;
}

bool KindsAreKnown(const Transaction& transaction) {
  for (const Compare& c : transaction.compares) {
    if (c.kind < Compare::Kind::kExists || c.kind > Compare::Kind::kRangeEmpty) return false;
  }
  for (const Op& op : transaction.then_ops) {
    if (op.kind < Op::Kind::kPut || op.kind > Op::Kind::kMax) return false;
  }
  return true;
}

}  // namespace

Bytes EncodeCommand(Scope scope, int64_t log_time_nanos, const Transaction& transaction) {
  Bytes raw = Begin(CommandKind::kTransaction, scope, log_time_nanos, SizeHint(transaction));
  const auto& id = transaction.request_id;
  AppendU8(raw, static_cast<uint8_t>((id ? kHasRequestId : 0) |
                                     (transaction.frees_space ? kFreesSpace : 0)));
  if (id) AppendRequestId(raw, *id);
  AppendVarint(raw, transaction.compares.size());
  for (const Compare& compare : transaction.compares) AppendCompare(raw, compare);
  AppendVarint(raw, transaction.then_ops.size());
  for (const Op& op : transaction.then_ops) AppendOp(raw, op);
  AppendVarint(raw, transaction.else_reads.size());
  for (const Bytes& key : transaction.else_reads) AppendLengthPrefixed(raw, key);
  return raw;
}

Bytes EncodeCommand(Scope scope, int64_t log_time_nanos, const StageChunk& chunk) {
  Bytes raw = Begin(CommandKind::kStage, scope, log_time_nanos, chunk.data.size());
  AppendLittleU64(raw, chunk.upload);
  AppendVarint(raw, chunk.index);
  AppendLengthPrefixed(raw, chunk.data);
  return raw;
}

Bytes EncodeCommand(Scope scope, int64_t log_time_nanos, const Publish& publish) {
  Bytes raw = Begin(CommandKind::kPublish, scope, log_time_nanos, publish.key.size());
  AppendLengthPrefixed(raw, publish.key);
  AppendU8(raw, static_cast<uint8_t>(publish.codec));
  AppendLittleU64(raw, publish.head.upload);
  AppendVarint(raw, publish.head.chunks);
  AppendVarint(raw, publish.head.bytes);
  if (publish.request_id) AppendRequestId(raw, *publish.request_id);
  return raw;
}

Result<Command> DecodeCommand(ByteView raw) {
  Reader reader(raw);
  const uint8_t format = reader.U8();
  const auto kind = static_cast<CommandKind>(reader.U8());
  Command command;
  command.scope.slot = SlotId(static_cast<uint16_t>(reader.Varint()));
  command.scope.keyspace = KeyspaceId(static_cast<uint32_t>(reader.Varint()));
  command.log_time_nanos = static_cast<int64_t>(reader.LittleU64());
  if (format != kFormat) {
    return Fail(ErrorCode::kCorrupt, fmt::format("a logged command has format {}", format));
  }
  switch (kind) {
    case CommandKind::kTransaction: {
      Transaction transaction = TakeTransaction(reader);
      if (!KindsAreKnown(transaction)) {
        return Fail(ErrorCode::kCorrupt, "a logged command has an unknown compare or op");
      }
      command.body = std::move(transaction);
      break;
    }
    case CommandKind::kStage:
      command.body = TakeStageChunk(reader);
      break;
    case CommandKind::kPublish:
      command.body = TakePublish(reader);
      break;
    default:
      return Fail(ErrorCode::kCorrupt, "a logged command has an unknown kind");
  }
  if (!reader.Done()) return Fail(ErrorCode::kCorrupt, "a logged command does not decode");
  return command;
}

Bytes EncodeI64(int64_t v) {
  Bytes raw;
  AppendLittleU64(raw, static_cast<uint64_t>(v));
  return raw;
}

std::optional<int64_t> DecodeI64(ByteView raw) {
  if (raw.size() != 8) return std::nullopt;
  return static_cast<int64_t>(LoadLittleU64(raw.data()));
}

}  // namespace metaring::state
