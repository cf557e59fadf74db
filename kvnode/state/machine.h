// SPDX-License-Identifier: Apache-2.0
//
// The key-value state machine: what a logged command does to a Txn. Total (every command that
// passed validation has an outcome, an error among them) and deterministic (the same commands in
// the same order on the same state give the same bytes), so that all replicas agree.
//
// A value over kStagedValueBytesMin does not fit into one logged command. Its writer stages chunks
// under a fresh upload id, each its own command, then publishes the head, which makes it appear at
// once. What was staged and never published is dropped 15 minutes of log time later.
#ifndef METARING_KVNODE_STATE_MACHINE_H_
#define METARING_KVNODE_STATE_MACHINE_H_

#include <optional>
#include <variant>

#include "kvnode/state/layout.h"
#include "kvnode/store/store.h"

namespace metaring::state {

inline constexpr size_t kStagedValueBytesMin = 512 << 10;  // larger values are staged
inline constexpr size_t kChunkBytes = 512 << 10;
inline constexpr int64_t kUploadAgeMaxNanos = int64_t{15} * 60 * 1'000'000'000;

struct StageChunk {
  uint64_t upload = 0;  // random, chosen by the writer
  uint32_t index = 0;
  Bytes data;  // at most kChunkBytes
};

// Compares nothing: it is the second half of a put.
struct Publish {
  Bytes key;
  Codec codec = Codec::kNone;
  ChunkedHead head;
  std::optional<RequestId> request_id;
};

struct Command {
  Scope scope;
  int64_t log_time_nanos = 0;  // wall clock of the proposer
  std::variant<Transaction, StageChunk, Publish> body;
};

// A command as bytes in the log; the grammar is in command_codec.cc.
Bytes EncodeCommand(Scope scope, int64_t log_time_nanos, const Transaction& transaction);
Bytes EncodeCommand(Scope scope, int64_t log_time_nanos, const StageChunk& chunk);
Bytes EncodeCommand(Scope scope, int64_t log_time_nanos, const Publish& publish);
Result<Command> DecodeCommand(ByteView raw);  // kCorrupt

// One caller. Holds nothing but what it may forget at any time.
class Machine {
 public:
  // `version` is above that of every earlier command of the slot. Nothing is written on error.
  // Errors: kUnknownOutcome for a request id that was pruned; kCorrupt when a record that the
  // command must read is damaged; kInvalidArgument for an add or max on what is not 8 bytes, or a
  // publish of chunks that are not all there.
  Result<TransactReply> Apply(store::Txn& txn, Scope scope, int64_t log_time_nanos,
                              uint64_t version, const Transaction& transaction);
  Result<TransactReply> Apply(store::Txn& txn, Scope scope, int64_t log_time_nanos,
                              uint64_t version, const StageChunk& chunk);
  Result<TransactReply> Apply(store::Txn& txn, Scope scope, int64_t log_time_nanos,
                              uint64_t version, const Publish& publish);
  Result<TransactReply> Apply(store::Txn& txn, uint64_t version, const Command& command);

 private:
  // Scopes where some value may be chunked, so that writes elsewhere need not look for chunks to
  // drop.
  struct Chunked {
    Scope scope;
    bool any = false;
  };
  Result<bool> MayHaveChunks(const store::View& view, Scope scope);
  Status ApplyOps(store::Txn& txn, Scope scope, uint64_t version, const std::vector<Op>& ops);
  Status DropChunksOf(store::Txn& txn, Scope scope, ByteView store_key);

  std::vector<Chunked> chunked_;
};

}  // namespace metaring::state

#endif  // METARING_KVNODE_STATE_MACHINE_H_
