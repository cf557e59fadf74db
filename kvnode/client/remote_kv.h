// SPDX-License-Identifier: Apache-2.0
//
// RemoteKv: one keyspace of a cluster over the network. Each operation is one request; with a
// callback, or waiting for it as a fiber or a thread.
//
// How an operation ends: retry.h. A write without a request id of its caller's gets one of the
// client's, so that it is retried when its reply was lost, and applied once; kUnknownOutcome is
// what then could not be found out.
#ifndef METARING_KVNODE_CLIENT_REMOTE_KV_H_
#define METARING_KVNODE_CLIENT_REMOTE_KV_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kvnode/base/clock.h"
#include "kvnode/base/ids.h"
#include "kvnode/client/encoded_kv.h"
#include "kvnode/client/remote_call.h"
#include "kvnode/client/remote_cluster.h"
#include "kvnode/client/wire.h"

namespace metaring::client {

// Thread-safe. Its cluster outlives it.
class RemoteKv : public EncodedKv {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;
  using MaybeRecord = std::optional<Record>;
  using TimePoint = RemoteCall::TimePoint;
  // To cancel with; may be null when the operation ended at once.
  using Handle = std::shared_ptr<RemoteCall>;

  // `keyspace` has this id: requests end as kStale once the name means another one.
  RemoteKv(RemoteCluster& cluster, std::string keyspace, KeyspaceId id);

  // These call back once: on an IO thread, where nothing may block; or before they return, when
  // nothing had to be sent.
  Handle Get(Bytes key, TimePoint deadline, Callback<MaybeRecord> done);
  Handle MultiGet(std::vector<Bytes> keys, TimePoint deadline,
                  Callback<std::vector<MaybeRecord>> done);
  Handle Scan(ScanRequest request, TimePoint deadline, Callback<ScanPage> done);
  Handle Put(Bytes key, state::Encoded value, const std::optional<RequestId>& request_id,
             TimePoint deadline, Callback<uint64_t> done);
  Handle Delete(Bytes key, const std::optional<RequestId>& request_id, TimePoint deadline,
                Callback<bool> done);
  Handle Transact(Transaction transaction, TimePoint deadline, Callback<TransactReply> done);

  // The same, waiting, until the deadline that the cluster's options have.
  Result<MaybeRecord> Get(ByteView key) override;
  Result<std::vector<MaybeRecord>> MultiGet(std::span<const Bytes> keys) override;
  Result<ScanPage> Scan(const ScanRequest& request) override;
  Result<uint64_t> Put(ByteView key, state::Encoded value,
                       const std::optional<RequestId>& request_id) override;
  Result<bool> Delete(ByteView key, const std::optional<RequestId>& request_id) override;
  Result<TransactReply> Transact(const Transaction& transaction) override;

  RemoteCluster& cluster() { return cluster_; }

 private:
  wire::Target Target() const;
  template <typename T, typename MethodOf, typename Convert>
  Handle Write(const MethodOf& method, typename MethodOf::Request request,
               const std::optional<RequestId>& given, TimePoint deadline, Convert convert,
               std::vector<Bytes> changed, Callback<T> done);

  RemoteCluster& cluster_;
  const std::string keyspace_;
  const KeyspaceId id_;
  const SystemClock clock_;
  // Shared with the calls in flight.
  const std::shared_ptr<ReadCache> cache_;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_REMOTE_KV_H_
