// SPDX-License-Identifier: Apache-2.0
//
// RemoteCluster: a cluster over the network, as one client sees it: its keyspaces (RemoteKv) and
// what its admins ask. Everything here is asked of any node; deadlines are the whole request's,
// retries included.
#ifndef METARING_KVNODE_CLIENT_REMOTE_CLUSTER_H_
#define METARING_KVNODE_CLIENT_REMOTE_CLUSTER_H_

#include <chrono>
#include <memory>
#include <utility>

#include "kvnode/base/result.h"
#include "kvnode/client/node_set.h"
#include "kvnode/client/read_cache.h"
#include "kvnode/client/remote_call.h"
#include "kvnode/client/request_ids.h"

namespace metaring::client {

struct RemoteOptions {
  NodeSetOptions nodes;
  std::chrono::milliseconds deadline{30'000};  // of a call that names none
  ReadCacheOptions read_cache;                 // of each keyspace; off unless told otherwise
};

// Thread-safe. Outlives what was opened of it.
class RemoteCluster {
 public:
  using TimePoint = RemoteCall::TimePoint;

  // Connects when something is asked. kInvalidArgument for options and certificates.
  static Result<std::unique_ptr<RemoteCluster>> Open(const RemoteOptions& options);

  // Asks for `hello`'s answer, so that what is wrong with addresses or certificates is told at
  // once. kUnavailable; kFormatMismatch and kin when it is no node, or of another cluster.
  Result<NodeHello> Connect(std::chrono::milliseconds deadline);

  NodeSet& nodes() { return *nodes_; }
  RequestIds& request_ids() { return request_ids_; }
  const RemoteOptions& options() const { return options_; }
  // For a call that names none; not after the deadline of the task that it is made in.
  TimePoint DefaultDeadline() const;
  // Calls that name no deadline have none from now on: they are tried until they are answered or
  // cancelled, or EndBy; the deadline of the options is then of each attempt. A write that may be
  // done is given up after kRetryWritesMax all the same.
  void Persist() { nodes_->SetAttemptMax(options_.deadline); }
  // No call lasts longer than this, from now on, whatever its deadline: nobody waits any more.
  void EndBy(TimePoint latest) { nodes_->EndBy(latest); }

 private:
  RemoteCluster(const RemoteOptions& options, std::unique_ptr<NodeSet> nodes, uint64_t seed)
      : options_(options), request_ids_(seed), nodes_(std::move(nodes)) {}

  const RemoteOptions options_;
  RequestIds request_ids_;
  const std::unique_ptr<NodeSet> nodes_;  // the last: its end calls back
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_REMOTE_CLUSTER_H_
