// SPDX-License-Identifier: Apache-2.0
//
// EmbeddedKv: one keyspace of the embedded form. Reads go to a View of the store; writes are
// checked against the current state, then committed through the CommitQueue.
#ifndef METARING_KVNODE_CLIENT_EMBEDDED_KV_H_
#define METARING_KVNODE_CLIENT_EMBEDDED_KV_H_

#include <atomic>

#include "kvnode/base/clock.h"
#include "kvnode/client/commit_queue.h"
#include "kvnode/client/encoded_kv.h"
#include "kvnode/state/machine.h"

namespace metaring::client {

// What the keyspaces of one embedded form share. Thread-safe, but for `machine`, which is used by
// whoever applies (the CommitQueue sees to it that this is one thread at a time).
struct EmbeddedCore {
  EmbeddedCore(log::Log& log_in, store::Store& store_in, const Clock& clock_in,
               uint64_t truncate_bytes, CommitLeader leader)
      : log(log_in),
        store(store_in),
        clock(clock_in),
        truncate_every_bytes(truncate_bytes),
        queue(log_in, store_in, leader) {}

  log::Log& log;
  store::Store& store;
  const Clock& clock;
  state::Machine machine;
  const uint64_t truncate_every_bytes;
  std::atomic<bool> truncating{false};
  std::atomic<uint64_t> next_upload{0};
  CommitQueue queue;  // last: its thread uses the others

  // Lets go of the part of the log that the store has flushed, when it is worth a few file
  // operations.
  void TruncateLog();
};

// Thread-safe.
class EmbeddedKv : public EncodedKv {
 public:
  EmbeddedKv(EmbeddedCore& core, KeyspaceId keyspace) : core_(core), scope_{SlotId{0}, keyspace} {}

  Result<std::optional<Record>> Get(ByteView key) override;
  Result<std::vector<std::optional<Record>>> MultiGet(std::span<const Bytes> keys) override;
  Result<ScanPage> Scan(const ScanRequest& request) override;
  Result<uint64_t> Put(ByteView key, state::Encoded value,
                       const std::optional<RequestId>& request_id) override;
  Result<bool> Delete(ByteView key, const std::optional<RequestId>& request_id) override;
  Result<TransactReply> Transact(const Transaction& transaction) override;

 private:
  template <typename Body>
  Result<TransactReply> Commit(const Body& body, log::SpaceUse use);
  Result<TransactReply> CommitValid(const Transaction& transaction);
  // The answer to a transaction whose compare fails now: a read, with no need for the log.
  Result<std::optional<TransactReply>> AnswerIfFailed(const Transaction& transaction);
  Result<uint64_t> PutLarge(ByteView key, const state::Encoded& value,
                            const std::optional<RequestId>& request_id);

  EmbeddedCore& core_;
  const state::Scope scope_;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_EMBEDDED_KV_H_
