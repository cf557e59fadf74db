// SPDX-License-Identifier: Apache-2.0
//
// Batch: builds the one transaction in which an operation ends. It gives the index of each compare,
// so that an operation can tell which one did not hold, and counts its size against kBatchBytesMax.
#ifndef METARING_FUSEFS_META_BATCH_H_
#define METARING_FUSEFS_META_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "kvnode/client/kv.h"

namespace metaring::fusefs {

// What an operation that moves much puts into one transaction: half of what the layer below allows,
// the rest is for keys and the record. Items: less than half for the same reason.
inline constexpr size_t kBatchBytesMax = state::kTransactionBytesMax / 2;
inline constexpr size_t kBatchItemsMax = 3072;

// One caller.
class Batch {
 public:
  size_t RequireExists(Bytes key) {
    return Require(client::Compare::Kind::kExists, std::move(key));
  }
  size_t RequireAbsent(Bytes key) {
    return Require(client::Compare::Kind::kAbsent, std::move(key));
  }
  size_t RequireVersion(Bytes key, uint64_t version) {
    const size_t index = Require(client::Compare::Kind::kVersion, std::move(key));
    transaction_.compares.back().version = version;
    return index;
  }
  // No key starts with `prefix`.
  size_t RequireEmpty(Bytes prefix) {
    return Require(client::Compare::Kind::kRangeEmpty, std::move(prefix));
  }

  void Put(Bytes key, Bytes value) {
    client::Op& op = Append(client::Op::Kind::kPut, std::move(key));
    bytes_ += value.size();
    op.value = std::move(value);
  }
  void Delete(Bytes key) { Append(client::Op::Kind::kDelete, std::move(key)); }
  // Nothing for 0.
  void Add(Bytes key, int64_t delta) {
    if (delta != 0) Append(client::Op::Kind::kAdd, std::move(key)).delta = delta;
  }
  void Max(Bytes key, int64_t candidate) {
    Append(client::Op::Kind::kMax, std::move(key)).delta = candidate;
  }
  // This gives space back: it may use the store's reserve.
  void FreesSpace() { transaction_.frees_space = true; }

  size_t bytes() const { return bytes_; }
  size_t items() const { return transaction_.compares.size() + transaction_.then_ops.size(); }

  Result<client::TransactReply> Commit(client::Kv& kv) const { return kv.Transact(transaction_); }

 private:
  size_t Require(client::Compare::Kind kind, Bytes key) {
    bytes_ += key.size();
    client::Compare& compare = transaction_.compares.emplace_back();
    compare.kind = kind;
    compare.key = std::move(key);
    return transaction_.compares.size() - 1;
  }
  client::Op& Append(client::Op::Kind kind, Bytes key) {
    bytes_ += key.size();
    client::Op& op = transaction_.then_ops.emplace_back();
    op.kind = kind;
    op.key = std::move(key);
    return op;
  }

  client::Transaction transaction_;
  size_t bytes_ = 0;
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_META_BATCH_H_
