// SPDX-License-Identifier: Apache-2.0
//
// EncodedKv: one keyspace whose values are in the codec that their writer chose. A node passes them
// on as they are, so that what was compressed by one client travels and rests compressed until
// another one reads it; `Kv` (kv.h) is made over this by DecodingKv.
//
// Writes carry the request id of whoever may retry them. Who never retries needs none.
#ifndef METARING_KVNODE_CLIENT_ENCODED_KV_H_
#define METARING_KVNODE_CLIENT_ENCODED_KV_H_

#include <optional>
#include <span>
#include <vector>

#include "kvnode/client/kv.h"
#include "kvnode/state/codec.h"

namespace metaring::client {

// Thread-safe. Waits as a fiber does when called on one, else blocks. Errors as Kv's, and
// kUnknownOutcome for a request id whose outcome was forgotten.
class EncodedKv {
 public:
  virtual ~EncodedKv() = default;

  virtual Result<std::optional<Record>> Get(ByteView key) = 0;
  virtual Result<std::vector<std::optional<Record>>> MultiGet(std::span<const Bytes> keys) = 0;
  virtual Result<ScanPage> Scan(const ScanRequest& request) = 0;

  // Sizes of value are checked both as it is and as it decodes.
  virtual Result<uint64_t> Put(ByteView key, state::Encoded value,
                               const std::optional<RequestId>& request_id) = 0;
  virtual Result<bool> Delete(ByteView key, const std::optional<RequestId>& request_id) = 0;
  // The values of its puts are in the codec that each names.
  virtual Result<TransactReply> Transact(const Transaction& transaction) = 0;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_ENCODED_KV_H_
