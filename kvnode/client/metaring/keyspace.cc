// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/metaring/keyspace.h"

#include <algorithm>
#include <utility>

#include "kvnode/client/await.h"
#include "kvnode/client/compression.h"
#include "kvnode/client/metaring/cores.h"
#include "kvnode/state/codec.h"

namespace metaring {
namespace {

using MaybeRecord = Keyspace::MaybeRecord;
using state::Codec;

Result<Record> DecodedOf(client::Record&& record) {
  if (record.codec == Codec::kNone) return Record{std::move(record.value), record.version};
  ASSIGN_OR_RETURN(std::string value, state::Decode(record.codec, record.value));
  return Record{std::move(value), record.version};
}

Result<MaybeRecord> DecodedOf(std::optional<client::Record>&& record) {
  if (!record) return std::nullopt;
  ASSIGN_OR_RETURN(Record decoded, DecodedOf(std::move(*record)));
  return decoded;
}

Result<std::vector<MaybeRecord>> DecodedOf(std::vector<std::optional<client::Record>>&& records) {
  std::vector<MaybeRecord> all;
  all.reserve(records.size());
  for (auto& record : records) {
    ASSIGN_OR_RETURN(MaybeRecord decoded, DecodedOf(std::move(record)));
    all.push_back(std::move(decoded));
  }
  return all;
}

Result<CommitReply> DecodedOf(client::TransactReply&& reply) {
  ASSIGN_OR_RETURN(auto reads, DecodedOf(std::move(reply.reads)));
  return CommitReply{reply.succeeded, reply.version, reply.failed_compare, std::move(reads)};
}

// A callback of the client's that decodes for one of the program's.
template <typename To, typename From>
auto Decoding(Keyspace::Callback<To> done) {
  return [done = std::move(done)](Result<From> outcome) {
    if (!outcome) return done(Fail(std::move(outcome).error()));
    done(DecodedOf(std::move(*outcome)));
  };
}

Operation OperationOf(client::RemoteKv::Handle handle) {
  return Operation(std::make_shared<Operation::Core>(std::move(handle)));
}

}  // namespace

void Operation::Cancel() {
  core_->Cancel();
}

// --- with callbacks ------------------------------------------------------------------------------

Operation Keyspace::Get(std::string key, Callback<MaybeRecord> done, const CallOptions& options) {
  return OperationOf(
      core_->kv().Get(std::move(key), core_->DeadlineOf(options),
                      Decoding<MaybeRecord, std::optional<client::Record>>(std::move(done))));
}

Operation Keyspace::Put(std::string key, std::string value, Callback<uint64_t> done,
                        const CallOptions& options) {
  return OperationOf(core_->kv().Put(std::move(key),
                                     client::EncodedFor(core_->options(), std::move(value)),
                                     std::nullopt, core_->DeadlineOf(options), std::move(done)));
}

Operation Keyspace::Delete(std::string key, Callback<bool> done, const CallOptions& options) {
  return OperationOf(core_->kv().Delete(std::move(key), std::nullopt, core_->DeadlineOf(options),
                                        std::move(done)));
}

Operation Keyspace::MultiGet(std::vector<std::string> keys, Callback<std::vector<MaybeRecord>> done,
                             const CallOptions& options) {
  using Records = std::vector<std::optional<client::Record>>;
  return OperationOf(
      core_->kv().MultiGet(std::move(keys), core_->DeadlineOf(options),
                           Decoding<std::vector<MaybeRecord>, Records>(std::move(done))));
}

Operation Keyspace::Commit(Transaction transaction, Callback<CommitReply> done,
                           const CallOptions& options) {
  client::Transaction asked = std::move(transaction.core().transaction);
  client::EncodeFor(core_->options(), asked);
  return OperationOf(
      core_->kv().Transact(std::move(asked), core_->DeadlineOf(options),
                           Decoding<CommitReply, client::TransactReply>(std::move(done))));
}

// --- waiting -------------------------------------------------------------------------------------

Result<MaybeRecord> Keyspace::Get(std::string_view key, const CallOptions& options) {
  return client::Await<MaybeRecord>(core_->kv().cluster().nodes(), [&](auto done) {
    Get(std::string(key), std::move(done), options);
  });
}

Result<uint64_t> Keyspace::Put(std::string_view key, std::string_view value,
                               const CallOptions& options) {
  return client::Await<uint64_t>(core_->kv().cluster().nodes(), [&](auto done) {
    Put(std::string(key), std::string(value), std::move(done), options);
  });
}

Result<bool> Keyspace::Delete(std::string_view key, const CallOptions& options) {
  return client::Await<bool>(core_->kv().cluster().nodes(), [&](auto done) {
    Delete(std::string(key), std::move(done), options);
  });
}

Result<std::vector<MaybeRecord>> Keyspace::MultiGet(std::vector<std::string> keys,
                                                    const CallOptions& options) {
  return client::Await<std::vector<MaybeRecord>>(core_->kv().cluster().nodes(), [&](auto done) {
    MultiGet(std::move(keys), std::move(done), options);
  });
}

Result<CommitReply> Keyspace::Commit(Transaction transaction, const CallOptions& options) {
  return client::Await<CommitReply>(core_->kv().cluster().nodes(), [&](auto done) {
    Commit(std::move(transaction), std::move(done), options);
  });
}

// --- scans ---------------------------------------------------------------------------------------

namespace {

// The ranges of a request that together are the scan's, in order. The keys from `begin` to the last
// are no range of one request, whose empty end means a prefix: they are those below n + 1 bytes of
// 0xff, where `begin` has n of them, and then those that begin with these.
std::vector<client::ScanRequest> RequestsOf(ScanOptions&& options) {
  client::ScanRequest request;
  request.limit = options.page_records;
  request.keys_only = options.keys_only;
  const bool range = !options.begin.empty() || !options.end.empty();
  if (!range) {
    request.begin = std::move(options.prefix);
    return {request};
  }
  request.begin = std::move(options.begin);
  request.end = std::move(options.end);
  if (!request.end.empty()) return {request};
  const size_t highest = std::min(request.begin.find_first_not_of('\xff'), request.begin.size());
  request.end = Bytes(highest + 1, '\xff');
  client::ScanRequest last = request;
  last.begin = std::exchange(last.end, "");
  return {request, last};
}

}  // namespace

class ScanRange::Core {
 public:
  Core(std::shared_ptr<KeyspaceCore> keyspace, ScanOptions&& options)
      : keyspace_(std::move(keyspace)), requests_(RequestsOf(std::move(options))) {}

  // Nothing: there are no more.
  Result<std::optional<ScanItem>> Next() {
    while (at_ == page_.items.size()) {
      if (request_ == requests_.size()) return std::nullopt;
      RETURN_IF_ERROR(ReadPage());
    }
    client::ScanItem& item = page_.items[at_++];
    ASSIGN_OR_RETURN(Record record, DecodedOf(std::move(item.record)));
    return ScanItem{std::move(item.key), std::move(record.value), record.version};
  }

 private:
  Status ReadPage() {
    client::ScanRequest& request = requests_[request_];
    ASSIGN_OR_RETURN(page_, keyspace_->kv().Scan(request));
    at_ = 0;
    request.cursor = page_.cursor;
    if (page_.cursor.empty()) ++request_;
    return {};
  }

  const std::shared_ptr<KeyspaceCore> keyspace_;
  std::vector<client::ScanRequest> requests_;
  size_t request_ = 0;  // the one that is read
  client::ScanPage page_;
  size_t at_ = 0;
};

ScanRange::ScanRange(std::unique_ptr<Core> core) : core_(std::move(core)) {}
ScanRange::~ScanRange() = default;
ScanRange::ScanRange(ScanRange&&) noexcept = default;
ScanRange& ScanRange::operator=(ScanRange&&) noexcept = default;

void ScanRange::Next() {
  Result<std::optional<ScanItem>> next = core_->Next();
  ended_ = !next || !*next;
  if (!next) {
    ended_with_ = Fail(std::move(next).error());
  } else if (*next) {
    item_ = std::move(**next);
  }
}

ScanRange Keyspace::Scan(ScanOptions options) {
  return ScanRange(std::make_unique<ScanRange::Core>(core_, std::move(options)));
}

}  // namespace metaring
