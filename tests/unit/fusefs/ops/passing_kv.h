// SPDX-License-Identifier: Apache-2.0
//
// A Kv that passes everything on: the base of those that look at or change one kind of call.
#ifndef METARING_TESTS_UNIT_FUSEFS_OPS_PASSING_KV_H_
#define METARING_TESTS_UNIT_FUSEFS_OPS_PASSING_KV_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kvnode/client/kv.h"

namespace metaring::fusefs {

// Thread-safe when the other is.
class PassingKv : public client::Kv {
 public:
  explicit PassingKv(client::Kv& kv) : kv_(kv) {}

  Result<std::optional<client::Record>> Get(ByteView key) override { return kv_.Get(key); }
  Result<std::vector<std::optional<client::Record>>> MultiGet(
      std::span<const Bytes> keys) override {
    return kv_.MultiGet(keys);
  }
  Result<client::ScanPage> Scan(const client::ScanRequest& request) override {
    return kv_.Scan(request);
  }
  Result<uint64_t> Put(ByteView key, ByteView value) override { return kv_.Put(key, value); }
  Result<bool> Delete(ByteView key) override { return kv_.Delete(key); }
  Result<client::TransactReply> Transact(const client::Transaction& transaction) override {
    return kv_.Transact(transaction);
  }

 private:
  client::Kv& kv_;
};

}  // namespace metaring::fusefs

#endif  // METARING_TESTS_UNIT_FUSEFS_OPS_PASSING_KV_H_
