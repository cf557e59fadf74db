// SPDX-License-Identifier: Apache-2.0
//
// Node: all of a kvnode in one object, and the only starter of threads: the store with its flusher
// and its commit thread, the fibers of writes, the threads of long reads, the clients' listener and
// the nodes' listener. What it does with signals and systemd is the daemon's (daemon.h).
#ifndef METARING_KVNODE_SERVER_NODE_H_
#define METARING_KVNODE_SERVER_NODE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kvnode/base/clock.h"
#include "kvnode/client/embedded.h"
#include "kvnode/fiber/fiber.h"
#include "kvnode/rpc/server.h"
#include "kvnode/server/config.h"
#include "kvnode/server/expiry.h"
#include "kvnode/server/front.h"
#include "kvnode/server/node_service.h"

namespace metaring::server {

inline constexpr char kSoftware[] = "kvnode " METARING_VERSION;

// How far the commit path has come, to tell whether it still moves.
struct CommitProgress {
  bool waits = false;  // a write is in progress, and no full disk holds it up
  uint64_t steps = 0;  // grows with each commit and each request that ended
};

// Start and Stop: one caller, who also calls the rest, but for `port`s and `progress`.
class Node {
 public:
  // `clock` outlives it. Nothing is opened yet.
  Node(const Config& config, const Clock& clock);
  ~Node();  // after Stop, or a Start that failed
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Opens the directory, replays the log, then listens. kFormatMismatch, kBusy: the directory is
  // another one's, or in use; kInvalidArgument: certificates; kUnavailable: an address is taken.
  Status Start();
  // Takes no more requests, waits for those in flight, flushes and closes everything.
  void Stop(std::chrono::milliseconds drain);

  // The files of TLS, read again for connections to come. On error nothing changes.
  Status ReloadCertificates();
  // What of a configuration can change in a running node; the daemon sees to the rest.
  void Apply(const Config& config);

  uint16_t client_port() const { return clients_->port(); }
  uint16_t node_port() const { return nodes_->port(); }
  const std::string& name() const { return facts_.name; }
  const NodeIdentity& identity() const { return facts_.identity; }
  // What of TLS has expired or soon will, as of now. Thread-safe.
  std::vector<ExpiryWarning> expiry_warnings() const;
  CommitProgress progress() const;

 private:
  Status OpenStore();
  Status TakeName();
  Status CheckCertificate() const;
  void AddMethods();
  Status Listen();
  NamedCounters AllCounters() const;
  std::string ClientAddress() const;

  const Config config_;
  const Clock& clock_;
  NodeFacts facts_;
  Counters counters_;
  std::atomic<int64_t> expiry_warning_days_{0};
  fiber::Pool fibers_;
  ReadPool reads_;
  std::unique_ptr<client::Embedded> store_;
  std::unique_ptr<client::Kv> system_;
  std::unique_ptr<KeyspaceTable> keyspaces_;
  std::unique_ptr<Grants> grants_;
  std::unique_ptr<Front> front_;
  rpc::Dispatcher client_methods_{EncodeRefusal};
  rpc::Dispatcher node_methods_{EncodeRefusal};
  std::unique_ptr<rpc::Server> clients_;
  std::unique_ptr<rpc::Server> nodes_;
  bool started_ = false;
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_NODE_H_
