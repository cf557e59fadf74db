// SPDX-License-Identifier: Apache-2.0
//
// DecodingKv: Kv over EncodedKv. Values are compressed as the keyspace wants it on their way down,
// and decoded on their way up.
#ifndef METARING_KVNODE_CLIENT_DECODING_KV_H_
#define METARING_KVNODE_CLIENT_DECODING_KV_H_

#include <memory>

#include "kvnode/client/embedded.h"
#include "kvnode/client/encoded_kv.h"
#include "kvnode/client/kv.h"

namespace metaring::client {

// Thread-safe.
class DecodingKv : public Kv {
 public:
  DecodingKv(std::unique_ptr<EncodedKv> encoded, const KeyspaceOptions& options)
      : encoded_(std::move(encoded)), options_(options) {}

  Result<std::optional<Record>> Get(ByteView key) override;
  Result<std::vector<std::optional<Record>>> MultiGet(std::span<const Bytes> keys) override;
  Result<ScanPage> Scan(const ScanRequest& request) override;
  Result<uint64_t> Put(ByteView key, ByteView value) override;
  Result<bool> Delete(ByteView key) override;
  Result<TransactReply> Transact(const Transaction& transaction) override;

 private:
  Result<TransactReply> TransactEncoded(const Transaction& transaction);

  const std::unique_ptr<EncodedKv> encoded_;
  const KeyspaceOptions options_;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_DECODING_KV_H_
