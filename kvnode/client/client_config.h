// SPDX-License-Identifier: Apache-2.0
//
// ClientConfig: where a cluster is and who this client is, as kvctl.toml says it; kvctl, the mount
// and libmetaring read the same file.
//
//   endpoints = ["node-a:7400", "node-b:7400"]   # seeds; any node answers for all
//   ca = "ca.crt"            # who may sign nodes; relative to the file's own directory
//   cert = "alice.crt"       # who this client is
//   key = "alice.key"
//   crl = "ca.crl"           # optional: certificates that are taken back
//   server_name = "node"     # optional: that nodes' certificates must have, instead of the host
//   cluster_id = "..."       # optional: that nodes must be of
//   deadline_ms = 30000      # optional: of one request, retries included
//   insecure_plain_text = false  # optional: no TLS; loopback only
//
// A key that is not one of these is an error, with file and line.
#ifndef METARING_KVNODE_CLIENT_CLIENT_CONFIG_H_
#define METARING_KVNODE_CLIENT_CLIENT_CONFIG_H_

#include <string>

#include "kvnode/base/result.h"
#include "kvnode/client/remote_cluster.h"

namespace metaring::client {

struct ClientConfig {
  std::vector<Endpoint> endpoints;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string crl_file;
  std::string server_name;
  std::string cluster_id;
  std::chrono::milliseconds deadline{30'000};
  bool insecure_plain_text = false;
};

// kNotFound when there is no such file; kInvalidArgument with "FILE:LINE: what" for its content.
Result<ClientConfig> LoadClientConfig(const std::string& file);
// $XDG_CONFIG_HOME/metaring/kvctl.toml, else ~/.config/metaring/kvctl.toml; empty when there is
// neither variable nor home.
std::string DefaultClientConfigFile();

// kInvalidArgument for what is missing or does not go together.
Result<RemoteOptions> RemoteOptionsOf(const ClientConfig& config);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_CLIENT_CONFIG_H_
