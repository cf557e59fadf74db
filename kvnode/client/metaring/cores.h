// SPDX-License-Identifier: Apache-2.0
//
// What the handles of the public headers hold. For the sources of the library; not installed.
#ifndef METARING_KVNODE_CLIENT_METARING_CORES_H_
#define METARING_KVNODE_CLIENT_METARING_CORES_H_

#include <memory>
#include <utility>

#include "kvnode/client/client_config.h"
#include "kvnode/client/keyspace_info.h"
#include "kvnode/client/metaring/client.h"
#include "kvnode/client/metaring/keyspace.h"
#include "kvnode/client/metaring/transaction.h"
#include "kvnode/client/remote_cluster.h"
#include "kvnode/client/remote_kv.h"

namespace metaring {

class ClientCore {
 public:
  explicit ClientCore(std::unique_ptr<client::RemoteCluster> cluster)
      : cluster_(std::move(cluster)) {}
  client::RemoteCluster& cluster() { return *cluster_; }

 private:
  const std::unique_ptr<client::RemoteCluster> cluster_;
};

class KeyspaceCore {
 public:
  KeyspaceCore(std::shared_ptr<ClientCore> owner, const client::KeyspaceInfo& info)
      : owner_(std::move(owner)),
        options_(info.options),
        kv_(owner_->cluster(), info.name, info.id) {}

  client::RemoteKv& kv() { return kv_; }
  const client::KeyspaceOptions& options() const { return options_; }
  client::RemoteKv::TimePoint DeadlineOf(const CallOptions& options) const {
    if (options.deadline.count() <= 0) return owner_->cluster().DefaultDeadline();
    return std::chrono::steady_clock::now() + options.deadline;
  }

 private:
  const std::shared_ptr<ClientCore> owner_;
  const client::KeyspaceOptions options_;
  client::RemoteKv kv_;
};

class Operation::Core {
 public:
  explicit Core(client::RemoteKv::Handle handle) : handle_(std::move(handle)) {}
  void Cancel() {
    if (handle_ != nullptr) handle_->Cancel();
  }

 private:
  const client::RemoteKv::Handle handle_;
};

class Transaction::Core {
 public:
  client::Transaction transaction;
};

}  // namespace metaring

#endif  // METARING_KVNODE_CLIENT_METARING_CORES_H_
