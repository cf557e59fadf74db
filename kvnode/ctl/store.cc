// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/store.h"

#include <algorithm>
#include <utility>

#include "kvnode/client/remote_admin.h"

namespace metaring::ctl {
namespace {

using client::KeyspaceInfo;
using client::KeyspaceOptions;

constexpr std::chrono::milliseconds kConnectDeadline{5'000};

class EmbeddedStore : public Store {
 public:
  explicit EmbeddedStore(std::unique_ptr<client::Embedded> embedded)
      : embedded_(std::move(embedded)) {}

  Result<std::unique_ptr<client::Kv>> Open(const std::string& keyspace) override {
    return embedded_->Open(keyspace);
  }
  Result<KeyspaceInfo> Find(const std::string& keyspace) override {
    return embedded_->Find(keyspace);
  }
  Result<KeyspaceInfo> Create(const std::string& keyspace,
                              const KeyspaceOptions& options) override {
    return embedded_->Create(keyspace, options);
  }
  Result<std::vector<KeyspaceInfo>> List() override { return embedded_->List(); }
  Status Drop(const std::string& keyspace) override { return embedded_->Drop(keyspace); }

 private:
  const std::unique_ptr<client::Embedded> embedded_;
};

class RemoteStore : public Store {
 public:
  explicit RemoteStore(std::unique_ptr<client::RemoteCluster> cluster)
      : cluster_(std::move(cluster)), admin_(*cluster_) {}

  Result<std::unique_ptr<client::Kv>> Open(const std::string& keyspace) override {
    return client::OpenRemoteKv(*cluster_, keyspace);
  }
  Result<KeyspaceInfo> Find(const std::string& keyspace) override {
    return admin_.FindKeyspace(keyspace, cluster_->DefaultDeadline());
  }
  Result<KeyspaceInfo> Create(const std::string& keyspace,
                              const KeyspaceOptions& options) override {
    return admin_.CreateKeyspace(keyspace, options, cluster_->DefaultDeadline());
  }
  Result<std::vector<KeyspaceInfo>> List() override {
    return admin_.ListKeyspaces(cluster_->DefaultDeadline());
  }
  Status Drop(const std::string& keyspace) override {
    return admin_.DropKeyspace(keyspace, cluster_->DefaultDeadline());
  }

 private:
  const std::unique_ptr<client::RemoteCluster> cluster_;
  client::RemoteAdmin admin_;
};

}  // namespace

Result<std::unique_ptr<Store>> OpenEmbeddedStore(const std::string& directory,
                                                 store::IfMissing if_missing, const Clock& clock) {
  client::EmbeddedOptions options;
  options.if_missing = if_missing;
  ASSIGN_OR_RETURN(auto embedded, client::OpenEmbedded(directory, options, clock));
  return std::make_unique<EmbeddedStore>(std::move(embedded));
}

Result<std::unique_ptr<client::RemoteCluster>> ConnectCluster(
    const client::RemoteOptions& options) {
  ASSIGN_OR_RETURN(auto cluster, client::RemoteCluster::Open(options));
  RETURN_IF_ERROR(cluster->Connect(std::min(options.deadline, kConnectDeadline)));
  return cluster;
}

std::unique_ptr<Store> MakeRemoteStore(std::unique_ptr<client::RemoteCluster> cluster) {
  return std::make_unique<RemoteStore>(std::move(cluster));
}

}  // namespace metaring::ctl
