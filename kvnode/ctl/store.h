// SPDX-License-Identifier: Apache-2.0
//
// Store: the keyspaces that a command works on, in a directory (client::Embedded) or of a cluster
// (client::RemoteCluster), so that commands are written once.
#ifndef METARING_KVNODE_CTL_STORE_H_
#define METARING_KVNODE_CTL_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/clock.h"
#include "kvnode/client/embedded.h"
#include "kvnode/client/remote_cluster.h"

namespace metaring::ctl {

// One caller. The operations, and their errors, are those of client::Embedded.
class Store {
 public:
  virtual ~Store() = default;

  // The Kv must not outlive this object.
  virtual Result<std::unique_ptr<client::Kv>> Open(const std::string& keyspace) = 0;
  virtual Result<client::KeyspaceInfo> Find(const std::string& keyspace) = 0;
  virtual Result<client::KeyspaceInfo> Create(const std::string& keyspace,
                                              const client::KeyspaceOptions& options) = 0;
  virtual Result<std::vector<client::KeyspaceInfo>> List() = 0;
  virtual Status Drop(const std::string& keyspace) = 0;
};

// kBusy: another process has it open.
Result<std::unique_ptr<Store>> OpenEmbeddedStore(const std::string& directory,
                                                 store::IfMissing if_missing, const Clock& clock);

// Connected: a node has answered, so that what is wrong with addresses and certificates is told
// here, and soon.
Result<std::unique_ptr<client::RemoteCluster>> ConnectCluster(const client::RemoteOptions& options);
// The keyspaces of a cluster.
std::unique_ptr<Store> MakeRemoteStore(std::unique_ptr<client::RemoteCluster> cluster);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_STORE_H_
