// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/embedded_kv.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/base/logging.h"
#include "kvnode/state/read.h"

namespace metaring::client {
namespace {

// Whether a transaction may be written when the store is full.
bool MayUseReserve(const Transaction& transaction) {
  if (transaction.frees_space) return true;
  return std::all_of(transaction.then_ops.begin(), transaction.then_ops.end(),
                     [](const Op& op) { return op.kind == Op::Kind::kDelete; });
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

// --- reads
// ---------------------------------------------------------------------------------------

Result<std::optional<Record>> EmbeddedKv::Get(ByteView key) {
  RETURN_IF_ERROR(state::ValidateKey(key));
  ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
  return state::Read(*view, scope_, key);
}

Result<std::vector<std::optional<Record>>> EmbeddedKv::MultiGet(std::span<const Bytes> keys) {
  if (keys.size() > state::kMultiGetKeysMax) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("keys has {} elements; the limit is {}",
                                                         keys.size(), state::kMultiGetKeysMax));
  }
  for (const Bytes& key : keys) RETURN_IF_ERROR(state::ValidateKey(key));
  ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
  return state::ReadAll(*view, scope_, keys);
}

Result<ScanPage> EmbeddedKv::Scan(const ScanRequest& request) {
  RETURN_IF_ERROR(state::Validate(request));
  ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
  return state::ScanKeys(*view, scope_, request);
}

// --- writes
// --------------------------------------------------------------------------------------

Result<uint64_t> EmbeddedKv::Put(ByteView key, state::Encoded value,
                                 const std::optional<RequestId>& request_id) {
  RETURN_IF_ERROR(state::ValidateKey(key));
  RETURN_IF_ERROR(state::ValidateEncoded(value.codec, value.value));
  RETURN_IF_ERROR(state::ValidateRequestId(request_id));
  if (value.value.size() > state::kStagedValueBytesMin) return PutLarge(key, value, request_id);
  Transaction transaction;
  transaction.request_id = request_id;
  Op& op = transaction.then_ops.emplace_back();
  op.key = Bytes(key);
  op.value = std::move(value.value);
  op.codec = value.codec;
  ASSIGN_OR_RETURN(const TransactReply reply, Commit(transaction, log::SpaceUse::kNormal));
  return reply.version;
}

Result<uint64_t> EmbeddedKv::PutLarge(ByteView key, const state::Encoded& value,
                                      const std::optional<RequestId>& request_id) {
  state::Publish publish;
  publish.key = Bytes(key);
  publish.codec = value.codec;
  publish.request_id = request_id;
  publish.head.upload =
      Xxh3(key, static_cast<uint64_t>(core_.clock.WallNanos()) + ++core_.next_upload);
  publish.head.bytes = static_cast<uint32_t>(value.value.size());
  ByteView rest = value.value;
  while (!rest.empty()) {
    state::StageChunk chunk;
    chunk.upload = publish.head.upload;
    chunk.index = publish.head.chunks++;
    chunk.data = Bytes(rest.substr(0, state::kChunkBytes));
    rest.remove_prefix(chunk.data.size());
    RETURN_IF_ERROR(Commit(chunk, log::SpaceUse::kNormal));
  }
  ASSIGN_OR_RETURN(const TransactReply reply, Commit(publish, log::SpaceUse::kReserve));
  return reply.version;
}

Result<bool> EmbeddedKv::Delete(ByteView key, const std::optional<RequestId>& request_id) {
  RETURN_IF_ERROR(state::ValidateKey(key));
  RETURN_IF_ERROR(state::ValidateRequestId(request_id));
  Transaction transaction;
  transaction.request_id = request_id;
  transaction.compares.emplace_back().key = Bytes(key);
  Op& op = transaction.then_ops.emplace_back();
  op.kind = Op::Kind::kDelete;
  op.key = Bytes(key);
  // Not bound as a transaction of users is: it has the key twice, and any key can be deleted.
  ASSIGN_OR_RETURN(const TransactReply reply, CommitValid(transaction));
  return reply.succeeded;
}

Result<TransactReply> EmbeddedKv::Transact(const Transaction& transaction) {
  RETURN_IF_ERROR(state::Validate(transaction));
  return CommitValid(transaction);
}

Result<TransactReply> EmbeddedKv::CommitValid(const Transaction& transaction) {
  ASSIGN_OR_RETURN(auto answer, AnswerIfFailed(transaction));
  if (answer) return *std::move(answer);
  const bool reserve = MayUseReserve(transaction);
  return Commit(transaction, reserve ? log::SpaceUse::kReserve : log::SpaceUse::kNormal);
}

Result<std::optional<TransactReply>> EmbeddedKv::AnswerIfFailed(const Transaction& transaction) {
  // A retry must find out what the first attempt came to, which may still be on its way.
  if (transaction.request_id || transaction.compares.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const auto view, core_.store.NewView());
  ASSIGN_OR_RETURN(const auto failed, state::FirstFailed(*view, scope_, transaction.compares));
  if (!failed) return std::nullopt;
  TransactReply reply;
  reply.failed_compare = *failed;
  ASSIGN_OR_RETURN(reply.reads, state::ReadAll(*view, scope_, transaction.else_reads));
  return reply;
}

template <typename Body>
Result<TransactReply> EmbeddedKv::Commit(const Body& body, log::SpaceUse use) {
  core_.TruncateLog();
  if (use == log::SpaceUse::kNormal && core_.store.usage().Full()) {
    return Fail(ErrorCode::kNoSpace, "the store is full: only reads and deletes are accepted");
  }
  const int64_t now = core_.clock.WallNanos();
  const Bytes payload = state::EncodeCommand(scope_, now, body);
  const CommitQueue::ApplyFunction apply = [&](store::Txn& txn, uint64_t version) {
    return core_.machine.Apply(txn, scope_, now, version, body);
  };
  return core_.queue.Commit(payload, use, apply);
}

}  // namespace metaring::client
