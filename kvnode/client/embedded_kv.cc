// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/embedded_kv.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/base/logging.h"
#include "kvnode/state/codec.h"
#include "kvnode/state/read.h"

namespace metaring::client {
namespace {

using state::Codec;

Status DecodeInPlace(Record& record) {
  if (record.codec == Codec::kNone) return {};
  ASSIGN_OR_RETURN(record.value, state::Decode(record.codec, record.value));
  record.codec = Codec::kNone;
  return {};
}

// Whether a transaction may be written when the store is full.
bool MayUseReserve(const Transaction& transaction) {
  if (transaction.frees_space) return true;
  return std::all_of(transaction.then_ops.begin(), transaction.then_ops.end(),
                     [](const Op& op) { return op.kind == Op::Kind::kDelete; });
}

Status ValidateValue(ByteView value) {
  if (value.size() <= state::kValueBytesMax) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("value has {} bytes; the limit is {}",
                                                       value.size(), state::kValueBytesMax));
}

}  // namespace

void EmbeddedCore::TruncateLog() {
  const uint64_t flushed = store.flushed();
  if (flushed < log.begin().value() + truncate_every_bytes) return;
  if (truncating.exchange(true)) return;
  if (const Status status = log.TruncateBefore(log::Lsn(flushed)); !status) {
    LogWarn("embedded", "the log cannot be truncated now: {}", status.error().message);
  }
  truncating = false;
}

Result<std::optional<Record>> EmbeddedKv::Get(ByteView key) {
  RETURN_IF_ERROR(state::ValidateKey(key));
  ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
  ASSIGN_OR_RETURN(auto record, state::Read(*view, scope_, key));
  if (record) RETURN_IF_ERROR(DecodeInPlace(*record));
  return record;
}

Result<std::vector<std::optional<Record>>> EmbeddedKv::MultiGet(std::span<const Bytes> keys) {
  if (keys.size() > state::kMultiGetKeysMax) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("keys has {} elements; the limit is {}",
                                                         keys.size(), state::kMultiGetKeysMax));
  }
  ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
  std::vector<std::optional<Record>> records;
  records.reserve(keys.size());
  for (const Bytes& key : keys) {
    RETURN_IF_ERROR(state::ValidateKey(key));
    ASSIGN_OR_RETURN(auto record, state::Read(*view, scope_, key));
    if (record) RETURN_IF_ERROR(DecodeInPlace(*record));
    records.push_back(std::move(record));
  }
  return records;
}

Result<ScanPage> EmbeddedKv::Scan(const ScanRequest& request) {
  RETURN_IF_ERROR(state::Validate(request));
  ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
  ASSIGN_OR_RETURN(ScanPage page, state::ScanKeys(*view, scope_, request));
  for (ScanItem& item : page.items) {
    const Status decoded = DecodeInPlace(item.record);
    if (decoded) continue;
    if (!request.keep_damaged) return Fail(decoded.error());
    item.damaged = true;
  }
  return page;
}

bool EmbeddedKv::Compresses(ByteView value) const {
  return options_.compression == Compression::kZstd &&
         value.size() >= std::max<size_t>(options_.compression_bytes_min, 1);
}

Result<uint64_t> EmbeddedKv::Put(ByteView key, ByteView value) {
  RETURN_IF_ERROR(state::ValidateKey(key));
  RETURN_IF_ERROR(ValidateValue(value));
  state::Encoded encoded{Bytes(value), Codec::kNone};
  if (Compresses(value)) encoded = state::Compress(value);
  if (encoded.value.size() > state::kStagedValueBytesMin) {
    return PutLarge(key, encoded.codec, encoded.value);
  }
  Transaction transaction;
  Op op;
  op.key = Bytes(key);
  op.value = std::move(encoded.value);
  op.codec = encoded.codec;
  transaction.then_ops.push_back(std::move(op));
  ASSIGN_OR_RETURN(const TransactReply reply, TransactEncoded(transaction));
  return reply.version;
}

Result<uint64_t> EmbeddedKv::PutLarge(ByteView key, Codec codec, ByteView value) {
  state::Publish publish;
  publish.key = Bytes(key);
  publish.codec = codec;
  publish.head.upload =
      Xxh3(key, static_cast<uint64_t>(core_.clock.WallNanos()) + ++core_.next_upload);
  publish.head.bytes = static_cast<uint32_t>(value.size());
  while (!value.empty()) {
    state::StageChunk chunk;
    chunk.upload = publish.head.upload;
    chunk.index = publish.head.chunks++;
    chunk.data = Bytes(value.substr(0, state::kChunkBytes));
    value.remove_prefix(chunk.data.size());
    RETURN_IF_ERROR(Commit(chunk, log::SpaceUse::kNormal));
  }
  ASSIGN_OR_RETURN(const TransactReply reply, Commit(publish, log::SpaceUse::kReserve));
  return reply.version;
}

Result<bool> EmbeddedKv::Delete(ByteView key) {
  Transaction transaction;
  Compare exists;
  exists.key = Bytes(key);
  transaction.compares.push_back(std::move(exists));
  Op op;
  op.kind = Op::Kind::kDelete;
  op.key = Bytes(key);
  transaction.then_ops.push_back(std::move(op));
  ASSIGN_OR_RETURN(const TransactReply reply, TransactEncoded(transaction));
  return reply.succeeded;
}

Result<TransactReply> EmbeddedKv::Transact(const Transaction& transaction) {
  const bool compress = std::any_of(
      transaction.then_ops.begin(), transaction.then_ops.end(),
      [this](const Op& op) { return op.kind == Op::Kind::kPut && Compresses(op.value); });
  if (!compress) return TransactEncoded(transaction);
  Transaction encoded = transaction;
  for (Op& op : encoded.then_ops) {
    if (op.kind != Op::Kind::kPut || !Compresses(op.value)) continue;
    state::Encoded value = state::Compress(op.value);
    op.value = std::move(value.value);
    op.codec = value.codec;
  }
  return TransactEncoded(encoded);
}

Result<TransactReply> EmbeddedKv::TransactEncoded(const Transaction& transaction) {
  RETURN_IF_ERROR(state::Validate(transaction));
  if (!transaction.request_id && !transaction.compares.empty()) {
    // A compare that fails now is an answer: a read of the current state, with no need for the log.
    ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
    ASSIGN_OR_RETURN(const auto failed, state::FirstFailed(*view, scope_, transaction.compares));
    if (failed) {
      TransactReply reply;
      reply.failed_compare = *failed;
      for (const Bytes& key : transaction.else_reads) {
        ASSIGN_OR_RETURN(auto record, state::Read(*view, scope_, key));
        if (record) RETURN_IF_ERROR(DecodeInPlace(*record));
        reply.reads.push_back(std::move(record));
      }
      return reply;
    }
  }
  const bool reserve = MayUseReserve(transaction);
  ASSIGN_OR_RETURN(TransactReply reply,
                   Commit(transaction, reserve ? log::SpaceUse::kReserve : log::SpaceUse::kNormal));
  for (auto& record : reply.reads) {
    if (record) RETURN_IF_ERROR(DecodeInPlace(*record));
  }
  return reply;
}

template <typename Body>
Result<TransactReply> EmbeddedKv::Commit(const Body& body, log::SpaceUse use) {
  core_.TruncateLog();
  if (use == log::SpaceUse::kNormal && core_.store.usage().Full()) {
    return Fail(ErrorCode::kNoSpace, "the store is full: only deletes are accepted");
  }
  const int64_t now = core_.clock.WallNanos();
  const Bytes payload = state::EncodeCommand(scope_, now, body);
  const CommitQueue::ApplyFunction apply = [&](store::Txn& txn, uint64_t version) {
    return core_.machine.Apply(txn, scope_, now, version, body);
  };
  return core_.queue.Commit(payload, use, apply);
}

}  // namespace metaring::client
