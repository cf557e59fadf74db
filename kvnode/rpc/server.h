// SPDX-License-Identifier: Apache-2.0
//
// Server: listens on one address and serves connections with threads of its own. Another address
// (that of the nodes' traffic, say) is another Server, with its own threads and limits.
//
// A connection that fails its handshake, or sends what is no frame or no message, is closed; there
// is one rate-limited line in the log. A request over a bound is answered BUSY: the handler encodes
// Error{kBusy} as its IDL has it.
#ifndef METARING_KVNODE_RPC_SERVER_H_
#define METARING_KVNODE_RPC_SERVER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kvnode/base/result.h"
#include "kvnode/rpc/admission.h"
#include "kvnode/rpc/handler.h"
#include "kvnode/rpc/io_threads.h"
#include "kvnode/rpc/tls.h"

namespace metaring::rpc {

struct ServerOptions {
  std::string address = "127.0.0.1";  // numeric, IPv4 or IPv6
  uint16_t port = 0;                  // 0: any that is free
  std::string thread_name = "rpc";
  unsigned threads = 1;
  ServerLimits limits;
  // Without: plain text, which needs the next option and a loopback address.
  std::optional<TlsOptions> tls;
  bool allow_insecure_plain_text = false;
};

struct ServerShared;

// Start, Reload and Stop: one caller. The rest: thread-safe.
class Server {
 public:
  // `handler` outlives the server, and all its calls.
  Server(ServerOptions options, Handler& handler);
  ~Server();  // after Stop(), or without a Start that succeeded
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // kInvalidArgument: options or files; kUnavailable: the address cannot be had.
  Status Start();
  // Takes no more connections and requests, waits up to `drain` for the answers of those in flight
  // to be sent, closes all connections and joins the threads. Calls that are not answered by then
  // may still be answered by their owners; nobody hears it.
  void Stop(std::chrono::milliseconds drain);

  // Loads all files of the TLS options anew, for connections to come. On error nothing changes.
  Status Reload();

  uint16_t port() const { return port_; }
  ServerStats stats() const;
  // Of what is in use; absent in plain text.
  std::optional<TlsExpiry> tls_expiry() const;

 private:
  Status Listen();

  const ServerOptions options_;
  IoThreads threads_;
  std::shared_ptr<ServerShared> shared_;
  uint16_t port_ = 0;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_SERVER_H_
