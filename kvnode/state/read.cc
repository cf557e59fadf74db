// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kvnode/state/codec.h"

namespace metaring::state {
namespace {

constexpr size_t kScanItemsReserved = 1024;

Result<Bytes> ReadChunks(const store::View& view, Scope scope, const ChunkedHead& head) {
  Bytes value;
  value.reserve(head.bytes);
  for (uint32_t i = 0; i < head.chunks; ++i) {
    const Bytes key = ChunkKey(scope, head.upload, i);
    ASSIGN_OR_RETURN(const auto raw, view.Get(key));
    if (!raw) return Fail(ErrorCode::kCorrupt, "a chunk of a large value is missing");
    ASSIGN_OR_RETURN(const StoredRecord chunk, DecodeStored(key, *raw));
    value.append(chunk.payload);
  }
  if (value.size() != head.bytes) {
    return Fail(ErrorCode::kCorrupt, "the chunks of a large value do not add up");
  }
  return value;
}

Result<Record> ToRecord(const store::View& view, Scope scope, ByteView store_key, Bytes&& raw) {
  ASSIGN_OR_RETURN(const StoredRecord stored, DecodeStored(store_key, raw));
  Record record;
  record.version = stored.version;
  record.codec = stored.codec;
  if (!stored.chunked) {
    raw.erase(0, raw.size() - stored.payload.size());
    record.value = std::move(raw);
    return record;
  }
  ASSIGN_OR_RETURN(const ChunkedHead head, DecodeHead(store_key, stored));
  ASSIGN_OR_RETURN(record.value, ReadChunks(view, scope, head));
  return record;
}

Result<Record> ToVersion(ByteView store_key, ByteView raw) {
  ASSIGN_OR_RETURN(const StoredRecord stored, DecodeStored(store_key, raw));
  Record record;
  record.version = stored.version;
  return record;
}

// The end of the range of a scan or of a kRangeEmpty, as a store key (never empty: a scope's data
// always has something above it).
Bytes RangeEnd(Scope scope, ByteView begin, ByteView end) {
  if (!end.empty()) return StoreKey(scope, KeyKind::kData, end);
  return PrefixEnd(StoreKey(scope, KeyKind::kData, begin));
}

Result<bool> Holds(const store::View& view, Scope scope, const Compare& compare) {
  if (compare.kind == Compare::Kind::kRangeEmpty) {
    auto cursor = view.NewCursor();
    cursor->Seek(StoreKey(scope, KeyKind::kData, compare.key));
    RETURN_IF_ERROR(cursor->status());
    return !cursor->Valid() || cursor->key() >= RangeEnd(scope, compare.key, compare.end);
  }
  const Bytes key = StoreKey(scope, KeyKind::kData, compare.key);
  ASSIGN_OR_RETURN(auto raw, view.Get(key));
  switch (compare.kind) {
    case Compare::Kind::kExists:
      return raw.has_value();
    case Compare::Kind::kAbsent:
      return !raw.has_value();
    case Compare::Kind::kVersion: {
      if (!raw) return false;
      ASSIGN_OR_RETURN(const StoredRecord stored, DecodeStored(key, *raw));
      return stored.version == compare.version;
    }
    case Compare::Kind::kValue: {
      if (!raw) return false;
      ASSIGN_OR_RETURN(const Record record, ToRecord(view, scope, key, *std::move(raw)));
      ASSIGN_OR_RETURN(const Bytes plain, Decode(record.codec, record.value));
      return plain == compare.value;
    }
    case Compare::Kind::kRangeEmpty:
      break;
  }
  return Fail(ErrorCode::kInvalidArgument, "compare.kind is unknown");
}

}  // namespace

Result<std::optional<Record>> Read(const store::View& view, Scope scope, ByteView key) {
  const Bytes store_key = StoreKey(scope, KeyKind::kData, key);
  ASSIGN_OR_RETURN(auto raw, view.Get(store_key));
  if (!raw) return std::nullopt;
  ASSIGN_OR_RETURN(Record record, ToRecord(view, scope, store_key, *std::move(raw)));
  return record;
}

Result<std::vector<std::optional<Record>>> ReadAll(const store::View& view, Scope scope,
                                                   std::span<const Bytes> keys) {
  std::vector<std::optional<Record>> records;
  records.reserve(keys.size());
  size_t bytes = 0;
  for (const Bytes& key : keys) {
    ASSIGN_OR_RETURN(auto record, Read(view, scope, key));
    if (record) bytes += record->value.size();
    if (bytes > kReadBytesMax) {
      return Fail(ErrorCode::kTooBig,
                  fmt::format("the values of the keys have more than {} bytes together; ask for "
                              "fewer at a time",
                              kReadBytesMax));
    }
    records.push_back(std::move(record));
  }
  return records;
}

Result<ScanPage> ScanKeys(const store::View& view, Scope scope, const ScanRequest& request) {
  const Bytes end = RangeEnd(scope, request.begin, request.end);
  auto cursor = view.NewCursor();
  cursor->Seek(StoreKey(scope, KeyKind::kData,
                        request.cursor.empty() ? request.begin : ByteView(request.cursor)));
  ScanPage page;
  page.items.reserve(std::min(request.limit, kScanItemsReserved));
  size_t bytes = 0;
  for (; cursor->Valid() && cursor->key() < end; cursor->Next()) {
    if (page.items.size() >= request.limit || bytes >= kScanBytesMax) {
      page.cursor = Bytes(cursor->key().substr(kScopePrefixBytes));
      break;
    }
    ScanItem item;
    item.key = Bytes(cursor->key().substr(kScopePrefixBytes));
    auto record = request.keys_only ? ToVersion(cursor->key(), cursor->value())
                                    : ToRecord(view, scope, cursor->key(), Bytes(cursor->value()));
    if (record) {
      item.record = std::move(*record);
    } else if (request.keep_damaged && record.error().code == ErrorCode::kCorrupt) {
      item.damaged = true;
    } else {
      return Fail(std::move(record).error());
    }
    bytes += item.key.size() + item.record.value.size();
    // So that a page of small records and a value of the largest size never are one answer.
    if (bytes > kScanBytesMax && !page.items.empty()) {
      page.cursor = std::move(item.key);
      break;
    }
    page.items.push_back(std::move(item));
  }
  RETURN_IF_ERROR(cursor->status());
  return page;
}

Result<std::optional<size_t>> FirstFailed(const store::View& view, Scope scope,
                                          const std::vector<Compare>& compares) {
  for (size_t i = 0; i < compares.size(); ++i) {
    ASSIGN_OR_RETURN(const bool holds, Holds(view, scope, compares[i]));
    if (!holds) return std::optional<size_t>(i);
  }
  return std::nullopt;
}

Status ValidateKey(ByteView key) {
  if (key.size() <= kKeyBytesMax) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("key has {} bytes; the limit is {}", key.size(), kKeyBytesMax));
}

Status Validate(const Transaction& transaction) {
  const size_t items =
      transaction.compares.size() + transaction.then_ops.size() + transaction.else_reads.size();
  if (items > kTransactionItemsMax) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("transaction has {} compares, ops and reads; the limit is {}", items,
                            kTransactionItemsMax));
  }
  size_t bytes = 0;
  for (const Compare& compare : transaction.compares) {
    RETURN_IF_ERROR(ValidateKey(compare.key));
    RETURN_IF_ERROR(ValidateKey(compare.end));
    bytes += compare.key.size() + compare.value.size() + compare.end.size() + 16;
  }
  for (const Op& op : transaction.then_ops) {
    RETURN_IF_ERROR(ValidateKey(op.key));
    if (op.codec != Codec::kNone) RETURN_IF_ERROR(ValidateEncoded(op.codec, op.value));
    bytes += op.key.size() + op.value.size() + 16;
  }
  for (const Bytes& key : transaction.else_reads) {
    RETURN_IF_ERROR(ValidateKey(key));
    bytes += key.size() + 16;
  }
  if (bytes > kTransactionBytesMax) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("transaction has {} bytes of keys and values; the limit is {}", bytes,
                            kTransactionBytesMax));
  }
  return ValidateRequestId(transaction.request_id);
}

Status ValidateRequestId(const std::optional<RequestId>& id) {
  if (!id) return {};
  if (id->client != 0 && id->sequence != 0 && id->lowest_outstanding <= id->sequence) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "request_id needs client > 0 and sequence > 0, not below lowest_outstanding");
}

Status Validate(const ScanRequest& request) {
  RETURN_IF_ERROR(ValidateKey(request.begin));
  RETURN_IF_ERROR(ValidateKey(request.end));
  if (request.limit >= 1 && request.limit <= kScanLimitMax) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("limit is {}; it must be 1 to {}", request.limit, kScanLimitMax));
}

}  // namespace metaring::state
