// SPDX-License-Identifier: Apache-2.0
//
// EmbeddedKv: one keyspace of the embedded form. Reads go to a View of the store; writes are
// checked against the current state, then committed through the CommitQueue.
#ifndef METARING_KVNODE_CLIENT_EMBEDDED_KV_H_
#define METARING_KVNODE_CLIENT_EMBEDDED_KV_H_

#include <atomic>

#include "kvnode/base/clock.h"
#include "kvnode/client/commit_queue.h"
#include "kvnode/client/embedded.h"
#include "kvnode/client/kv.h"
#include "kvnode/state/machine.h"

namespace metaring::client {

// What the keyspaces of one embedded form share. Thread-safe, but for `machine`, which is used by
// whoever applies (the CommitQueue sees to it that this is one thread at a time).
struct EmbeddedCore {
  EmbeddedCore(log::Log& log_in, store::Store& store_in, const Clock& clock_in,
               uint64_t truncate_bytes)
      : log(log_in),
        store(store_in),
        clock(clock_in),
        queue(log_in, store_in),
        truncate_every_bytes(truncate_bytes) {}

  log::Log& log;
  store::Store& store;
  const Clock& clock;
  CommitQueue queue;
  state::Machine machine;
  const uint64_t truncate_every_bytes;
  std::atomic<bool> truncating{false};
  std::atomic<uint64_t> next_upload{0};

  // Lets go of the part of the log that the store has flushed, when it is worth a few file
  // operations.
  void TruncateLog();
};

// Thread-safe.
class EmbeddedKv : public Kv {
 public:
  EmbeddedKv(EmbeddedCore& core, KeyspaceId keyspace, const KeyspaceOptions& options)
      : core_(core), scope_{SlotId{0}, keyspace}, options_(options) {}

  Result<std::optional<Record>> Get(ByteView key) override;
  Result<std::vector<std::optional<Record>>> MultiGet(std::span<const Bytes> keys) override;
  Result<ScanPage> Scan(const ScanRequest& request) override;
  Result<uint64_t> Put(ByteView key, ByteView value) override;
  Result<bool> Delete(ByteView key) override;
  Result<TransactReply> Transact(const Transaction& transaction) override;

 private:
  template <typename Body>
  Result<TransactReply> Commit(const Body& body, log::SpaceUse use);
  Result<TransactReply> TransactEncoded(const Transaction& transaction);
  Result<uint64_t> PutLarge(ByteView key, const state::Codec codec, ByteView value);
  bool Compresses(ByteView value) const;

  EmbeddedCore& core_;
  const state::Scope scope_;
  const KeyspaceOptions options_;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_EMBEDDED_KV_H_
