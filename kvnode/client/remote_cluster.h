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
  TimePoint DefaultDeadline() const { return std::chrono::steady_clock::now() + options_.deadline; }

 private:
  RemoteCluster(const RemoteOptions& options, std::unique_ptr<NodeSet> nodes, uint64_t seed)
      : options_(options), request_ids_(seed), nodes_(std::move(nodes)) {}

  const RemoteOptions options_;
  RequestIds request_ids_;
  const std::unique_ptr<NodeSet> nodes_;  // the last: its end calls back
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_REMOTE_CLUSTER_H_
