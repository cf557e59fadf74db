// SPDX-License-Identifier: Apache-2.0
//
// ServerConnection: the server's side of one connection, and what all of a server's connections
// share. For the sources of this folder.
#ifndef METARING_KVNODE_RPC_SERVER_CONNECTION_H_
#define METARING_KVNODE_RPC_SERVER_CONNECTION_H_

#include <atomic>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "kvnode/base/clock.h"
#include "kvnode/base/mutex.h"
#include "kvnode/rpc/admission.h"
#include "kvnode/rpc/handler.h"
#include "kvnode/rpc/link.h"
#include "kvnode/rpc/log_limiter.h"
#include "kvnode/rpc/tls.h"

namespace metaring::rpc {

class ServerConnection;

// Outlives every connection. Thread-safe, but for `open` and the acceptor.
struct ServerShared {
  ServerShared(const ServerLimits& server_limits, Handler& server_handler)
      : limits(server_limits), handler(server_handler), admission(server_limits) {}

  const ServerLimits limits;
  Handler& handler;
  Admission admission;
  SystemClock clock;
  LogLimiter failures{clock, 1'000'000'000};
  std::atomic<bool> stopping{false};

  // Of the thread of each loop, by its number: what Stop closes.
  std::vector<std::unordered_set<ServerConnection*>> open;
  std::optional<asio::ip::tcp::acceptor> acceptor;  // of the first loop's thread
  std::optional<asio::steady_timer> accept_again;   // too

  Mutex tls_mutex;
  std::shared_ptr<const TlsContext> tls GUARDED_BY(tls_mutex);  // null: plain text
};

class ServerConnection : public Link, public CallOrigin {
 public:
  ServerConnection(IoLoop& loop, unsigned loop_number, std::shared_ptr<ServerShared> shared,
                   const asio::ip::tcp::endpoint& remote);
  ~ServerConnection() override = default;

  // On the loop's thread. Open, after Admission::Connect.
  void Begin(asio::ip::tcp::socket socket);
  // Serves no more requests, and closes when those in flight are answered.
  void Drain();

  const Identity& peer() const override { return peer_; }
  const std::string& remote_address() const override { return remote_; }
  bool gone() const override { return closed(); }
  size_t answer_bytes_max() const override { return shared_->limits.answer_bytes_max; }
  void Answer(Bytes frame, size_t request_bytes) override;
  Bytes EncodeRefusal(ByteView method, const Error& error) const override {
    return shared_->handler.EncodeRefusal(method, error);
  }

 protected:
  Status OnReady(const SSL* session) override;
  Status OnFrame(ByteView frame) override;
  bool MayTake(size_t bytes) override;
  Status OnSkippedFrame(ByteView head) override;
  void OnIdle() override;
  bool IsWaitedFor() const override { return in_flight_.load(std::memory_order_acquire) > 0; }
  void OnClosed(const Error& why, Rejection rejection) override;

 private:
  std::shared_ptr<ServerConnection> Me() {
    return std::static_pointer_cast<ServerConnection>(shared_from_this());
  }
  bool TakeBytes(size_t bytes, bool large);
  void GiveBytes(size_t bytes);
  Status AnswerBusy(const Message& message, const char* why);

  const std::shared_ptr<ServerShared> shared_;
  const unsigned loop_number_;
  const std::string address_;  // without the port
  const std::string remote_;
  Identity peer_;  // constant once the handshake is done, which is before any call

  // Of the loop's thread.
  bool identified_ = false;
  size_t receiving_bytes_ = 0;  // taken for the large frame that is coming

  std::atomic<bool> draining_{false};
  std::atomic<size_t> in_flight_{0};
  std::atomic<size_t> request_bytes_{0};  // of its requests, as Admission counts them
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_SERVER_CONNECTION_H_
