// SPDX-License-Identifier: Apache-2.0
//
// A machine on a memory store, one command a transaction of the store.
#ifndef METARING_TESTS_UNIT_STATE_MACHINE_FIXTURE_H_
#define METARING_TESTS_UNIT_STATE_MACHINE_FIXTURE_H_

#include <gtest/gtest.h>

#include "kvnode/state/machine.h"
#include "kvnode/state/read.h"

namespace metaring::state {

inline Compare MakeCompare(Compare::Kind kind, Bytes key) {
  Compare compare;
  compare.kind = kind;
  compare.key = std::move(key);
  return compare;
}

inline Op MakePut(Bytes key, Bytes value) {
  Op op;
  op.key = std::move(key);
  op.value = std::move(value);
  return op;
}

inline Op MakeOp(Op::Kind kind, Bytes key, int64_t delta = 0) {
  Op op;
  op.kind = kind;
  op.key = std::move(key);
  op.delta = delta;
  return op;
}

class MachineFixture : public testing::Test {
 protected:
  template <typename Body>
  Result<TransactReply> Apply(const Body& body) {
    auto txn = store_->Begin();
    EXPECT_TRUE(txn);
    auto reply = machine_.Apply(**txn, kScope, now_, ++version_, body);
    if (reply) (*txn)->Commit(version_);
    return reply;
  }

  Result<TransactReply> Do(std::vector<Op> ops, std::vector<Compare> compares = {}) {
    Transaction transaction;
    transaction.then_ops = std::move(ops);
    transaction.compares = std::move(compares);
    return Apply(transaction);
  }

  std::optional<Record> Get(ByteView key) {
    auto record = Read(**store_->NewView(), kScope, key);
    EXPECT_TRUE(record);
    return *record;
  }

  static constexpr Scope kScope{SlotId{0}, KeyspaceId{1}};
  std::unique_ptr<store::Store> store_ = store::NewMemoryStore();
  Machine machine_;
  int64_t now_ = 1'000'000;
  uint64_t version_ = 0;
};

}  // namespace metaring::state

#endif  // METARING_TESTS_UNIT_STATE_MACHINE_FIXTURE_H_
