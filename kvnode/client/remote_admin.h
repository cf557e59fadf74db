// SPDX-License-Identifier: Apache-2.0
//
// What is asked of a cluster besides records: keyspaces, grants, health, statistics. Each waits, as
// a fiber or a thread, until `deadline` has passed at the latest.
//
// Creating, dropping and granting have no request ids: when the reply is lost they are
// kUnknownOutcome, and who asked looks what is there.
#ifndef METARING_KVNODE_CLIENT_REMOTE_ADMIN_H_
#define METARING_KVNODE_CLIENT_REMOTE_ADMIN_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/client/cluster_info.h"
#include "kvnode/client/keyspace_info.h"
#include "kvnode/client/remote_cluster.h"
#include "kvnode/client/remote_kv.h"

namespace metaring::client {

// Thread-safe. Its cluster outlives it.
class RemoteAdmin {
 public:
  using TimePoint = RemoteCluster::TimePoint;

  explicit RemoteAdmin(RemoteCluster& cluster) : cluster_(cluster) {}

  Result<HealthReport> HealthCheck(TimePoint deadline);
  Result<ClusterMap> GetClusterMap(TimePoint deadline);
  // By name, as the node's README lists them.
  Result<std::map<std::string, int64_t>> Stats(TimePoint deadline);

  // kExists; kInvalidArgument and kUnsupported for name and options.
  Result<KeyspaceInfo> CreateKeyspace(const std::string& name, const KeyspaceOptions& options,
                                      TimePoint deadline);
  // By name; those that the caller may use.
  Result<std::vector<KeyspaceInfo>> ListKeyspaces(TimePoint deadline);
  Result<KeyspaceInfo> FindKeyspace(const std::string& name, TimePoint deadline);  // kNotFound
  Status DropKeyspace(const std::string& name, TimePoint deadline);                // kNotFound

  Status SetGrant(const Grant& grant, TimePoint deadline);
  // Of one client, or with "" of all.
  Result<std::vector<Grant>> ListGrants(const std::string& client, TimePoint deadline);

 private:
  RemoteCluster& cluster_;
};

// A keyspace by its name, as FindKeyspace has it.
struct OpenedRemote {
  KeyspaceInfo info;
  std::unique_ptr<RemoteKv> kv;
};
Result<OpenedRemote> OpenRemote(RemoteCluster& cluster, const std::string& name,
                                RemoteCluster::TimePoint deadline);
// The same with decoded values, within the deadline that the cluster's options have.
Result<std::unique_ptr<Kv>> OpenRemoteKv(RemoteCluster& cluster, const std::string& name);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_REMOTE_ADMIN_H_
