// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/machine.h"

#include <algorithm>
#include <limits>

#include "kvnode/state/outcomes.h"
#include "kvnode/state/read.h"

namespace metaring::state {
namespace {

Result<int64_t> StoredI64(const store::View& view, ByteView store_key, int64_t missing) {
  ASSIGN_OR_RETURN(const auto raw, view.Get(store_key));
  if (!raw) return missing;
  ASSIGN_OR_RETURN(const StoredRecord stored, DecodeStored(store_key, *raw));
  const auto value = DecodeI64(stored.payload);
  if (!value || stored.chunked || stored.codec != Codec::kNone) {
    return Fail(ErrorCode::kInvalidArgument, "add and max need a value of 8 bytes");
  }
  return *value;
}

// What kAdd and kMax make of a stored number.
int64_t Combine(const Op& op, int64_t stored) {
  if (op.kind == Op::Kind::kMax) return std::max(stored, op.delta);
  return static_cast<int64_t>(static_cast<uint64_t>(stored) + static_cast<uint64_t>(op.delta));
}

int64_t MissingValue(Op::Kind kind) {
  return kind == Op::Kind::kMax ? std::numeric_limits<int64_t>::min() : 0;
}

// An add or max that cannot be applied must be found before anything is written; what it will meet
// is the last earlier op of the transaction on its key, else what is stored.
Status CheckNumbers(const store::View& view, Scope scope, const std::vector<Op>& ops) {
  for (size_t i = 0; i < ops.size(); ++i) {
    const Op& op = ops[i];
    if (op.kind != Op::Kind::kAdd && op.kind != Op::Kind::kMax) continue;
    const auto rest = std::make_reverse_iterator(ops.begin() + static_cast<ptrdiff_t>(i));
    const auto last = std::find_if(rest, ops.rend(), [&](const Op& o) { return o.key == op.key; });
    if (last != ops.rend()) {
      if (last->kind == Op::Kind::kPut &&
          (last->value.size() != 8 || last->codec != Codec::kNone)) {
        return Fail(ErrorCode::kInvalidArgument, "add and max need a value of 8 bytes");
      }
      continue;
    }
    RETURN_IF_ERROR(StoredI64(view, StoreKey(scope, KeyKind::kData, op.key), 0));
  }
  return {};
}

// What is known of a request id.
struct Repetition {
  ClientOutcomes outcomes;             // of its client
  std::optional<TransactReply> first;  // it was applied before, and this came of it; without reads
};

// kUnknownOutcome when it was forgotten what came of it.
Result<Repetition> LoadRepetition(const store::View& view, Scope scope, const RequestId& id) {
  Repetition repetition;
  ASSIGN_OR_RETURN(const auto raw, view.Get(OutcomesKey(scope, id.client)));
  if (raw) {
    ASSIGN_OR_RETURN(repetition.outcomes, DecodeOutcomes(*raw));
  }
  if (const Outcome* first = repetition.outcomes.Find(id.sequence)) {
    repetition.first = TransactReply{first->succeeded, first->version, first->failed_compare, {}};
  } else if (id.sequence <= repetition.outcomes.floor) {
    return Fail(ErrorCode::kUnknownOutcome, "the request id is too old: its outcome is forgotten");
  }
  return repetition;
}

// Looks at one client's outcomes, a different one each time, and drops them when they are too old.
// So the table is swept at the pace at which it is written, without an index by age.
void DropOneOldClient(store::Txn& txn, Scope scope, int64_t log_time_nanos, uint64_t version) {
  const uint64_t start = (version ^ version >> 32) * 0x9E3779B97F4A7C15;
  auto cursor = txn.NewCursor();
  cursor->Seek(OutcomesKey(scope, start));
  const Bytes range = StoreKey(scope, KeyKind::kOutcomes, "");
  if (!cursor->Valid() || !cursor->key().starts_with(range)) cursor->Seek(range);
  if (!cursor->Valid() || !cursor->key().starts_with(range)) return;
  const auto outcomes = DecodeOutcomes(cursor->value());
  if (outcomes && log_time_nanos - outcomes->log_time_nanos <= kOutcomesAgeMaxNanos) return;
  const Bytes key(cursor->key());
  cursor.reset();
  txn.Delete(key);
}

// Keeps what came of a request that was applied now.
void Remember(store::Txn& txn, Scope scope, int64_t log_time_nanos, const RequestId& id,
              Repetition& repetition, const TransactReply& reply) {
  ClientOutcomes& outcomes = repetition.outcomes;
  outcomes.Add({id.sequence, reply.succeeded, reply.version, reply.failed_compare},
               id.lowest_outstanding);
  outcomes.log_time_nanos = log_time_nanos;
  txn.Put(OutcomesKey(scope, id.client), EncodeOutcomes(outcomes));
  DropOneOldClient(txn, scope, log_time_nanos, reply.version);
}

void DropUpload(store::Txn& txn, Scope scope, uint64_t upload) {
  for (uint32_t i = 0; i <= kValueBytesMax / kChunkBytes; ++i) {
    txn.Delete(ChunkKey(scope, upload, i));
  }
  txn.Delete(UploadKey(scope, upload));
}

// Drops the oldest staged upload that was never published in time; one a call bounds the work.
Status DropOneOldUpload(store::Txn& txn, Scope scope, int64_t log_time_nanos) {
  const Bytes range = StoreKey(scope, KeyKind::kUpload, "");
  Bytes upload_key;
  {
    auto cursor = txn.NewCursor();
    for (cursor->Seek(range); cursor->Valid() && cursor->key().starts_with(range); cursor->Next()) {
      const auto begun = DecodeI64(cursor->value());
      if (begun && log_time_nanos - *begun <= kUploadAgeMaxNanos) continue;
      upload_key = Bytes(cursor->key());
      break;
    }
    RETURN_IF_ERROR(cursor->status());
  }
  if (upload_key.empty()) return {};
  DropUpload(txn, scope, LoadBigU64(upload_key.data() + kScopePrefixBytes));
  return {};
}

}  // namespace

Result<bool> Machine::MayHaveChunks(const store::View& view, Scope scope) {
  for (const Chunked& known : chunked_) {
    if (known.scope.slot == scope.slot && known.scope.keyspace == scope.keyspace) return known.any;
  }
  const Bytes range = StoreKey(scope, KeyKind::kChunk, "");
  auto cursor = view.NewCursor();
  cursor->Seek(range);
  RETURN_IF_ERROR(cursor->status());
  const bool any = cursor->Valid() && cursor->key().starts_with(range);
  chunked_.push_back({scope, any});
  return any;
}

Status Machine::DropChunksOf(store::Txn& txn, Scope scope, ByteView store_key) {
  ASSIGN_OR_RETURN(const auto raw, txn.Get(store_key));
  if (!raw) return {};
  // A damaged record is overwritten without a look at its chunks: they cannot be known.
  const auto stored = DecodeStored(store_key, *raw);
  if (!stored || !stored->chunked) return {};
  const auto head = DecodeHead(store_key, *stored);
  if (!head) return {};
  for (uint32_t i = 0; i < head->chunks; ++i) txn.Delete(ChunkKey(scope, head->upload, i));
  return {};
}

Status Machine::ApplyOps(store::Txn& txn, Scope scope, uint64_t version,
                         const std::vector<Op>& ops) {
  RETURN_IF_ERROR(CheckNumbers(txn, scope, ops));
  ASSIGN_OR_RETURN(const bool chunks, MayHaveChunks(txn, scope));
  for (const Op& op : ops) {
    const Bytes key = StoreKey(scope, KeyKind::kData, op.key);
    if (op.kind == Op::Kind::kAdd || op.kind == Op::Kind::kMax) {
      ASSIGN_OR_RETURN(const int64_t stored, StoredI64(txn, key, MissingValue(op.kind)));
      const Bytes number = EncodeI64(Combine(op, stored));
      txn.Put(key, EncodeStored(key, version, Codec::kNone, number));
      continue;
    }
    if (chunks) RETURN_IF_ERROR(DropChunksOf(txn, scope, key));
    if (op.kind == Op::Kind::kDelete) {
      txn.Delete(key);
    } else {
      txn.Put(key, EncodeStored(key, version, op.codec, op.value));
    }
  }
  return {};
}

Result<TransactReply> Machine::Apply(store::Txn& txn, Scope scope, int64_t log_time_nanos,
                                     uint64_t version, const Transaction& transaction) {
  Repetition repetition;
  if (transaction.request_id) {
    ASSIGN_OR_RETURN(repetition, LoadRepetition(txn, scope, *transaction.request_id));
  }
  TransactReply reply;
  if (repetition.first) {
    reply = *std::move(repetition.first);
  } else {
    ASSIGN_OR_RETURN(const auto failed, FirstFailed(txn, scope, transaction.compares));
    reply = {!failed, version, failed.value_or(0), {}};
    if (!failed) RETURN_IF_ERROR(ApplyOps(txn, scope, version, transaction.then_ops));
  }
  if (!reply.succeeded) {
    ASSIGN_OR_RETURN(reply.reads, ReadAll(txn, scope, transaction.else_reads));
  }
  if (transaction.request_id && !repetition.first) {
    Remember(txn, scope, log_time_nanos, *transaction.request_id, repetition, reply);
  }
  return reply;
}

Result<TransactReply> Machine::Apply(store::Txn& txn, Scope scope, int64_t log_time_nanos,
                                     uint64_t version, const StageChunk& chunk) {
  ASSIGN_OR_RETURN(const bool known, MayHaveChunks(txn, scope));
  if (!known) {
    for (Chunked& entry : chunked_) {
      if (entry.scope.slot == scope.slot && entry.scope.keyspace == scope.keyspace)
        entry.any = true;
    }
  }
  const Bytes upload_key = UploadKey(scope, chunk.upload);
  ASSIGN_OR_RETURN(const auto begun, txn.Get(upload_key));
  if (!begun) {
    RETURN_IF_ERROR(DropOneOldUpload(txn, scope, log_time_nanos));
    txn.Put(upload_key, EncodeI64(log_time_nanos));
  }
  const Bytes key = ChunkKey(scope, chunk.upload, chunk.index);
  txn.Put(key, EncodeStored(key, version, Codec::kNone, chunk.data));
  return TransactReply{true, version, 0, {}};
}

Result<TransactReply> Machine::Apply(store::Txn& txn, Scope scope, int64_t log_time_nanos,
                                     uint64_t version, const Publish& publish) {
  Repetition repetition;
  if (publish.request_id) {
    ASSIGN_OR_RETURN(repetition, LoadRepetition(txn, scope, *publish.request_id));
    if (repetition.first) {
      DropUpload(txn, scope, publish.head.upload);
      return *std::move(repetition.first);
    }
  }
  const Bytes upload_key = UploadKey(scope, publish.head.upload);
  ASSIGN_OR_RETURN(const auto begun, txn.Get(upload_key));
  if (!begun) return Fail(ErrorCode::kUnknownOutcome, "the upload is over: published or dropped");
  for (uint32_t i = 0; i < publish.head.chunks; ++i) {
    ASSIGN_OR_RETURN(const auto chunk, txn.Get(ChunkKey(scope, publish.head.upload, i)));
    if (!chunk) return Fail(ErrorCode::kInvalidArgument, "chunks of the upload are missing");
  }
  const Bytes key = StoreKey(scope, KeyKind::kData, publish.key);
  RETURN_IF_ERROR(DropChunksOf(txn, scope, key));
  txn.Put(key, EncodeStoredHead(key, version, publish.codec, publish.head));
  txn.Delete(upload_key);
  TransactReply reply{true, version, 0, {}};
  if (publish.request_id) {
    Remember(txn, scope, log_time_nanos, *publish.request_id, repetition, reply);
  }
  return reply;
}

Result<TransactReply> Machine::Apply(store::Txn& txn, uint64_t version, const Command& command) {
  return std::visit(
      [&](const auto& body) {
        return Apply(txn, command.scope, command.log_time_nanos, version, body);
      },
      command.body);
}

}  // namespace metaring::state
