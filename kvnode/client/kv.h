// SPDX-License-Identifier: Apache-2.0
//
// Kv: one keyspace, as everything above the store sees it. The mount, the tools and programs are
// written against this interface; behind it is a cluster, the embedded form (one process, one
// directory) or a fake in memory.
//
// Reads are linearizable. A write that returned a value is durable; any error but kUnknownOutcome
// means that it surely was not applied. Calls block the calling thread.
#ifndef METARING_KVNODE_CLIENT_KV_H_
#define METARING_KVNODE_CLIENT_KV_H_

#include <optional>
#include <span>
#include <vector>

#include "kvnode/base/result.h"
#include "kvnode/state/command.h"

namespace metaring::client {

using state::Compare;
using state::Op;
using state::Record;
using state::RequestId;
using state::ScanItem;
using state::ScanPage;
using state::ScanRequest;
using state::Transaction;
using state::TransactReply;

// Thread-safe. Sizes over the limits of state/command.h are kInvalidArgument, naming field and
// limit.
class Kv {
 public:
  virtual ~Kv() = default;

  // Nothing when the key does not exist.
  virtual Result<std::optional<Record>> Get(ByteView key) = 0;
  // One answer for each key, in their order, from one snapshot of each slot.
  virtual Result<std::vector<std::optional<Record>>> MultiGet(std::span<const Bytes> keys) = 0;
  // One page. Linearizable for each slot; several pages are not one snapshot.
  virtual Result<ScanPage> Scan(const ScanRequest& request) = 0;

  // The version of the written record. kNoSpace when the keyspace or the disk is full.
  virtual Result<uint64_t> Put(ByteView key, ByteView value) = 0;
  // Whether there was one.
  virtual Result<bool> Delete(ByteView key) = 0;
  // All or nothing. A failed compare is a value (succeeded = false), not an error.
  virtual Result<TransactReply> Transact(const Transaction& transaction) = 0;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_KV_H_
