// SPDX-License-Identifier: Apache-2.0
//
// Client: a cluster as one program sees it.
#ifndef METARING_KVNODE_CLIENT_METARING_CLIENT_H_
#define METARING_KVNODE_CLIENT_METARING_CLIENT_H_

#include <metaring/keyspace.h>
#include <metaring/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace metaring {

struct ClientOptions {
  // A file as kvctl.toml(5) has it: endpoints, ca, cert, key and more. What is set below is taken
  // instead of what the file says. Empty: no file.
  std::string config_file{};
  std::vector<std::string> endpoints{};  // "HOST:PORT": seeds; any node answers for all
  std::string ca_file{};                 // PEM: who may sign the nodes' certificates
  std::string certificate_file{};        // PEM: who this program is
  std::string key_file{};
  bool insecure_plain_text = false;  // no TLS; loopback only

  // Of one operation, retries included; 0: as the file says, else 30 s.
  std::chrono::milliseconds deadline{0};
  unsigned connections_per_node = 2;
  unsigned io_threads = 1;

  // What Get has read is kept for so long and answered from memory, unless this client wrote it
  // meanwhile: reads may be `read_cache_ttl` behind what other clients write. Of each keyspace that
  // is opened. 0 bytes: off.
  size_t read_cache_bytes = 0;
  std::chrono::milliseconds read_cache_ttl{1'000};
};

// $XDG_CONFIG_HOME/metaring/kvctl.toml or ~/.config/metaring/kvctl.toml; empty without a home.
std::string DefaultConfigFile();

enum class HealthState { kOk = 1, kReadOnly = 2, kDraining = 3 };
struct HealthStatus {
  HealthState state = HealthState::kOk;
  std::string message;  // for a person; empty: nothing to say
  std::chrono::seconds uptime{0};
  std::vector<std::string> warnings;  // what is well and will not stay so, a sentence each
};

// As the cluster has it; the defaults are the cluster's.
struct KeyspaceProperties {
  unsigned replicas = 3;
  bool ack_by_all_in_sync = false;  // else by a majority
  bool place_by_parent = false;     // keys with the same part up to their last '/' are together
  bool compress = false;            // values of `compress_bytes_min` and more, by the clients
  uint32_t compress_bytes_min = 512;
};

class ClientCore;

// Thread-safe. A handle: copies are the same client. It is kept by the keyspaces and volumes that
// were opened of it; the last of them must not go inside a callback.
class Client {
 public:
  // kInvalidArgument, kNotFound for options, config file and certificates. It connects when
  // something is asked, and anew whenever that is needed.
  static Result<Client> Open(const ClientOptions& options);

  Result<HealthStatus> HealthCheck();
  // Counters of the node that answers, by name.
  Result<std::map<std::string, int64_t>> Stats();

  // kNotFound: there is none of that name that this client may use.
  Result<Keyspace> OpenKeyspace(const std::string& name);
  // For admins, and clients with the right to. kExists, kNotFound, kPermissionDenied. When the
  // reply is lost they are kUnknownOutcome: look what is there.
  Status CreateKeyspace(const std::string& name, const KeyspaceProperties& properties = {});
  Status DropKeyspace(const std::string& name);
  Result<std::vector<std::string>> ListKeyspaces();

  // Loads the certificates anew, for connections to come. On error nothing changes.
  Status ReloadCertificates();

  const std::shared_ptr<ClientCore>& core() const { return core_; }

 private:
  explicit Client(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}

  std::shared_ptr<ClientCore> core_;
};

}  // namespace metaring

#endif  // METARING_KVNODE_CLIENT_METARING_CLIENT_H_
