// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/metaring/transaction.h"

#include <utility>

#include "kvnode/client/metaring/cores.h"

namespace metaring {
namespace {

using client::Compare;
using client::Op;

Compare& AddCompare(Transaction& to, Compare::Kind kind, std::string&& key) {
  Compare& compare = to.core().transaction.compares.emplace_back();
  compare.kind = kind;
  compare.key = std::move(key);
  return compare;
}

Op& AddOp(Transaction& to, Op::Kind kind, std::string&& key) {
  Op& op = to.core().transaction.then_ops.emplace_back();
  op.kind = kind;
  op.key = std::move(key);
  return op;
}

}  // namespace

Transaction::Transaction() : core_(std::make_unique<Core>()) {}
Transaction::~Transaction() = default;
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::Transaction(const Transaction& other) : core_(std::make_unique<Core>(*other.core_)) {}
Transaction& Transaction::operator=(const Transaction& other) {
  if (this != &other) core_ = std::make_unique<Core>(*other.core_);
  return *this;
}

Transaction& Transaction::IfExists(std::string key) {
  AddCompare(*this, Compare::Kind::kExists, std::move(key));
  return *this;
}

Transaction& Transaction::IfAbsent(std::string key) {
  AddCompare(*this, Compare::Kind::kAbsent, std::move(key));
  return *this;
}

Transaction& Transaction::IfVersion(std::string key, uint64_t version) {
  AddCompare(*this, Compare::Kind::kVersion, std::move(key)).version = version;
  return *this;
}

Transaction& Transaction::IfValue(std::string key, std::string value) {
  AddCompare(*this, Compare::Kind::kValue, std::move(key)).value = std::move(value);
  return *this;
}

Transaction& Transaction::IfNoneIn(std::string begin, std::string end) {
  AddCompare(*this, Compare::Kind::kRangeEmpty, std::move(begin)).end = std::move(end);
  return *this;
}

Transaction& Transaction::IfNoneBegins(std::string prefix) {
  AddCompare(*this, Compare::Kind::kRangeEmpty, std::move(prefix));
  return *this;
}

Transaction& Transaction::Put(std::string key, std::string value) {
  AddOp(*this, Op::Kind::kPut, std::move(key)).value = std::move(value);
  return *this;
}

Transaction& Transaction::Delete(std::string key) {
  AddOp(*this, Op::Kind::kDelete, std::move(key));
  return *this;
}

Transaction& Transaction::Add(std::string key, int64_t summand) {
  AddOp(*this, Op::Kind::kAdd, std::move(key)).delta = summand;
  return *this;
}

Transaction& Transaction::Max(std::string key, int64_t candidate) {
  AddOp(*this, Op::Kind::kMax, std::move(key)).delta = candidate;
  return *this;
}

Transaction& Transaction::ElseRead(std::string key) {
  core_->transaction.else_reads.push_back(std::move(key));
  return *this;
}

std::optional<int64_t> NumberOf(const std::string& value) {
  return state::DecodeI64(value);
}

std::string ValueOf(int64_t number) {
  return state::EncodeI64(number);
}

}  // namespace metaring
