// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/decoding_kv.h"

#include <algorithm>

#include "kvnode/client/compression.h"

namespace metaring::client {
namespace {

using state::Codec;

Status DecodeInPlace(Record& record) {
  if (record.codec == Codec::kNone) return {};
  ASSIGN_OR_RETURN(record.value, state::Decode(record.codec, record.value));
  record.codec = Codec::kNone;
  return {};
}

Status DecodeAll(std::vector<std::optional<Record>>& records) {
  for (auto& record : records) {
    if (record) RETURN_IF_ERROR(DecodeInPlace(*record));
  }
  return {};
}

}  // namespace

Result<std::optional<Record>> DecodingKv::Get(ByteView key) {
  ASSIGN_OR_RETURN(auto record, encoded_->Get(key));
  if (record) RETURN_IF_ERROR(DecodeInPlace(*record));
  return record;
}

Result<std::vector<std::optional<Record>>> DecodingKv::MultiGet(std::span<const Bytes> keys) {
  ASSIGN_OR_RETURN(auto records, encoded_->MultiGet(keys));
  RETURN_IF_ERROR(DecodeAll(records));
  return records;
}

Result<ScanPage> DecodingKv::Scan(const ScanRequest& request) {
  ASSIGN_OR_RETURN(ScanPage page, encoded_->Scan(request));
  for (ScanItem& item : page.items) {
    const Status decoded = DecodeInPlace(item.record);
    if (decoded) continue;
    if (!request.keep_damaged) return Fail(decoded.error());
    item.damaged = true;
  }
  return page;
}

Result<uint64_t> DecodingKv::Put(ByteView key, ByteView value) {
  if (Compresses(options_, value)) {
    return encoded_->Put(key, state::Compress(value), std::nullopt);
  }
  // What is too large is refused below, before it is copied there.
  RETURN_IF_ERROR(state::ValidateEncoded(Codec::kNone, value));
  return encoded_->Put(key, {Bytes(value), Codec::kNone}, std::nullopt);
}

Result<bool> DecodingKv::Delete(ByteView key) {
  return encoded_->Delete(key, std::nullopt);
}

Result<TransactReply> DecodingKv::Transact(const Transaction& transaction) {
  const bool compresses = std::any_of(transaction.then_ops.begin(), transaction.then_ops.end(),
                                      [this](const Op& op) { return Compresses(options_, op); });
  if (!compresses) return TransactEncoded(transaction);
  Transaction encoded = transaction;
  EncodeFor(options_, encoded);
  return TransactEncoded(encoded);
}

Result<TransactReply> DecodingKv::TransactEncoded(const Transaction& transaction) {
  ASSIGN_OR_RETURN(TransactReply reply, encoded_->Transact(transaction));
  RETURN_IF_ERROR(DecodeAll(reply.reads));
  return reply;
}

}  // namespace metaring::client
