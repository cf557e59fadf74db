// SPDX-License-Identifier: Apache-2.0
//
// A cluster on one's own machine, for trying and developing: a kvnode process on loopback, its own
// CA, certificates for an admin and for a client, all in one directory.
//
//   DIR/metaring-dev          marks the directory as one of these; locked while somebody changes it
//   DIR/pki/                  ca, node-1, admin, client: .crt and .key
//   DIR/node-1/kvnode.toml    what the node is started with; written last when a cluster is made
//   DIR/node-1/{data/,kvnode.log,pid}
//   DIR/kvctl.toml            the endpoint with the admin's certificate
//   DIR/client.toml           the endpoint with the client's
//
// A process is the node when the file pid names it and its command line is the one it was given.
#ifndef METARING_KVNODE_CTL_DEV_CLUSTER_H_
#define METARING_KVNODE_CTL_DEV_CLUSTER_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "kvnode/base/result.h"

namespace metaring::ctl {

inline constexpr const char* kDevClient = "client";  // the name in its certificate

struct DevNode {
  std::string endpoint;  // HOST:PORT
  std::string config_file;
  std::string log_file;
  std::optional<pid_t> pid;  // nothing: it is not running
};

// One caller. Nothing of it runs on its own: the node lives on after this object.
class DevCluster {
 public:
  // Of an absolute path.
  explicit DevCluster(std::string directory) : directory_(std::move(directory)) {}

  std::string Path(const std::string& file) const { return directory_ + "/" + file; }
  std::string admin_config() const { return Path("kvctl.toml"); }
  std::string client_config() const { return Path("client.toml"); }

  // Makes what is missing, starts the node if it does not run and waits until it answers. kExists:
  // the directory holds something else; kBusy: somebody else is at it. Whether it was started.
  Result<bool> Up() const;
  // kNotFound: there is no such cluster.
  Result<DevNode> Look() const;
  // Ends the node by SIGTERM and waits for it. Whether it ran.
  Result<bool> Down() const;

 private:
  Status Make() const;
  Result<pid_t> Start(const DevNode& node) const;
  Status AwaitAnswer(const DevNode& node) const;

  const std::string directory_;
};

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_DEV_CLUSTER_H_
