// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/server.h"

#include <fmt/format.h>

#include <future>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"
#include "kvnode/rpc/io_loop.h"
#include "kvnode/rpc/server_connection.h"

namespace metaring::rpc {
namespace {

using Tcp = asio::ip::tcp;

constexpr int kBacklog = 1024;
// Out of descriptors, most likely: what waits in the backlog waits a little longer.
constexpr std::chrono::milliseconds kAcceptPause{100};

// The thread that accepts hands each connection to the next loop.
class Accepting : public std::enable_shared_from_this<Accepting> {
 public:
  Accepting(std::shared_ptr<ServerShared> shared, IoThreads& threads)
      : shared_(std::move(shared)), threads_(threads) {}

  void Next() {
    if (!shared_->acceptor) return;
    number_ = (number_ + 1) % threads_.count();
    shared_->acceptor->async_accept(
        threads_.loop(number_).context,
        [self = shared_from_this()](const asio::error_code& error, Tcp::socket socket) {
          if (!self->shared_->acceptor) return;
          if (error) return self->Pause();
          self->Take(std::move(socket));
          self->Next();
        });
  }

 private:
  void Pause() {
    shared_->accept_again->expires_after(kAcceptPause);
    shared_->accept_again->async_wait([self = shared_from_this()](const auto&) { self->Next(); });
  }

  void Take(Tcp::socket socket) {
    asio::error_code error;
    const Tcp::endpoint remote = socket.remote_endpoint(error);
    if (error) return;
    if (Status status = shared_->admission.Connect(remote.address().to_string()); !status) {
      if (const auto dropped = shared_->failures.Admit()) {
        LogWarn("rpc", "{} was turned away: {} ({} more like it were not logged)",
                remote.address().to_string(), status.error().message, *dropped);
      }
      return;
    }
    IoLoop& loop = threads_.loop(number_);
    asio::post(loop.context,
               [connection = std::make_shared<ServerConnection>(loop, number_, shared_, remote),
                owned = std::move(socket)]() mutable { connection->Begin(std::move(owned)); });
  }

  const std::shared_ptr<ServerShared> shared_;
  IoThreads& threads_;
  unsigned number_ = 0;
};

Status Bind(Tcp::acceptor& acceptor, const Tcp::endpoint& endpoint) {
  asio::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) return {};
  return Fail(ErrorCode::kUnavailable,
              fmt::format("cannot listen on {} port {}: {}", endpoint.address().to_string(),
                          endpoint.port(), error.message()));
}

// Does something on a loop's thread and waits for it.
template <typename Function>
void RunOn(IoLoop& loop, Function function) {
  std::promise<void> done;
  asio::post(loop.context, [&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

void CloseAll(std::unordered_set<ServerConnection*>& open) {
  while (!open.empty()) {
    std::static_pointer_cast<ServerConnection>((*open.begin())->shared_from_this())
        ->Close(Error{ErrorCode::kUnavailable, "the server stops"});
  }
}

}  // namespace

Server::Server(ServerOptions options, Handler& handler)
    : options_(std::move(options)),
      shared_(std::make_shared<ServerShared>(options_.limits, handler)) {}

Server::~Server() = default;

Status Server::Start() {
  if (options_.threads == 0) return Fail(ErrorCode::kInvalidArgument, "threads: at least 1");
  RETURN_IF_ERROR(Reload());
  return Listen();
}

Status Server::Reload() {
  if (!options_.tls) {
    if (options_.allow_insecure_plain_text) return {};
    return Fail(ErrorCode::kInvalidArgument, "plain text was not allowed, and TLS is not set up");
  }
  ASSIGN_OR_RETURN(auto context, TlsContext::ForServer(*options_.tls));
  const MutexLock lock(shared_->tls_mutex);
  shared_->tls = std::move(context);
  return {};
}

Status Server::Listen() {
  asio::error_code error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument, "not a numeric address: " + options_.address);
  }
  if (!options_.tls && !address.is_loopback()) {
    return Fail(ErrorCode::kInvalidArgument, "plain text is for loopback addresses only");
  }
  threads_.Start(options_.thread_name, options_.threads);
  Tcp::acceptor acceptor(threads_.loop(0).context);
  if (Status status = Bind(acceptor, {address, options_.port}); !status) {
    acceptor.close(error);
    threads_.Stop();
    return status;
  }
  port_ = acceptor.local_endpoint().port();
  shared_->open.resize(options_.threads);
  RunOn(threads_.loop(0), [&] {
    shared_->acceptor.emplace(std::move(acceptor));
    shared_->accept_again.emplace(threads_.loop(0).context);
    std::make_shared<Accepting>(shared_, threads_)->Next();
  });
  return {};
}

void Server::Stop(std::chrono::milliseconds drain) {
  if (threads_.count() == 0) return;
  RunOn(threads_.loop(0), [this] {
    shared_->acceptor.reset();
    shared_->accept_again.reset();
  });
  shared_->stopping = true;
  for (unsigned i = 0; i < threads_.count(); ++i) {
    RunOn(threads_.loop(i), [this, i] {
      const auto open = shared_->open[i];  // who has no peer yet is closed, and leaves the set
      for (ServerConnection* connection : open) connection->Drain();
    });
  }
  if (drain.count() > 0) shared_->admission.AwaitNoConnections(drain);
  for (unsigned i = 0; i < threads_.count(); ++i) {
    RunOn(threads_.loop(i), [this, i] { CloseAll(shared_->open[i]); });
  }
  threads_.Stop();
}

ServerStats Server::stats() const {
  return shared_->admission.stats();
}

std::optional<TlsExpiry> Server::tls_expiry() const {
  const MutexLock lock(shared_->tls_mutex);
  if (shared_->tls == nullptr) return std::nullopt;
  return shared_->tls->expiry();
}

}  // namespace metaring::rpc
