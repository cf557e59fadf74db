// SPDX-License-Identifier: Apache-2.0
//
// Front: what happens to every request before and after its handler. Handlers are functions from a
// request to a Result of its reply; they are registered here, by Rpc, and nowhere else:
//
//   front.Add<Rpc::kGet>(dispatcher, Runs::kHere, [](const Exchange&, wire::GetRequest&) { ... });
//
// Before: counted; allowed by the access table or denied and audited; keyspace found by name and
// id. Then it runs here, on a read thread or on a fiber, unless nobody waits for it any more.
// After: its reply or its KvError is sent, a slow one is logged, an admin action is audited.
#ifndef METARING_KVNODE_SERVER_FRONT_H_
#define METARING_KVNODE_SERVER_FRONT_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kvnode/base/clock.h"
#include "kvnode/client/wire.h"
#include "kvnode/fiber/fiber.h"
#include "kvnode/rpc/handler.h"
#include "kvnode/rpc/log_limiter.h"
#include "kvnode/server/counters.h"
#include "kvnode/server/grants.h"
#include "kvnode/server/keyspace_table.h"
#include "kvnode/server/method.h"
#include "kvnode/server/read_pool.h"

namespace metaring::server {

enum class Runs {
  kHere,          // on the IO thread: it never waits
  kOnReadThread,  // it may take long, and reads only
  kOnFiber,       // it waits for the log
};

// Limits that a reload may change.
struct FrontLimits {
  std::atomic<size_t> writes_max{4096};
  std::atomic<int64_t> slow_request_ms{1000};
};

// A hint for who was told BUSY.
inline constexpr std::chrono::milliseconds kBusyRetryAfter{20};
inline constexpr std::chrono::milliseconds kUnavailableRetryAfter{1000};

// The typed exception of any method of both services; empty for a method that is none.
Bytes EncodeRefusal(ByteView method, const Error& error);

// One request from its arrival to its answer.
struct Exchange {
  Exchange(Rpc rpc_in, rpc::Call call_in) : rpc(rpc_in), call(std::move(call_in)) {}

  const Rpc rpc;
  rpc::Call call;
  const std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  std::string about;                             // what it names, for the log
  std::shared_ptr<const OpenKeyspace> keyspace;  // of requests with a Target
};

// Thread-safe, after all Add.
class Front {
 public:
  struct Parts {
    const Grants& grants;
    const KeyspaceTable& keyspaces;
    Counters& counters;
    fiber::Pool& fibers;
    ReadPool& reads;
    const Clock& clock;
  };
  explicit Front(const Parts& parts);

  FrontLimits& limits() { return limits_; }

  // `body(const Exchange&, Request&) -> Result<Reply>`.
  template <Rpc kRpc, typename Body>
  void Add(rpc::Dispatcher& dispatcher, Runs runs, Body body);
  // A method of the other listener: denied here, whoever asks.
  template <Rpc kRpc>
  void AddElsewhere(rpc::Dispatcher& dispatcher);

 private:
  template <Rpc kRpc, typename Body>
  class Pending;

  // What a request says about itself, wherever its struct has it.
  struct Claims {
    std::string keyspace;
    std::optional<KeyspaceId> keyspace_id;
    std::optional<std::chrono::milliseconds> deadline;
    bool needs_keyspace = false;
    std::string about;
  };
  template <typename Request>
  static Result<Claims> ClaimsOf(Request& request);
  static Result<std::chrono::milliseconds> DeadlineOf(int32_t deadline_ms);
  static std::string AboutOf(const wire::Grant& grant);

  // Allowed, and its keyspace is there.
  Status Admit(Exchange& exchange, Result<Claims> claims);
  // Audits it too.
  Error Denied(const Exchange& exchange);
  // An error when nobody waits for the answer any more.
  static Status StillWanted(const Exchange& exchange);
  bool RunOnFiber(std::unique_ptr<Job>& job);
  void NoteEnd(const Exchange& exchange, const Error* error);
  void Refuse(Exchange& exchange, const Error& error);
  template <Rpc kRpc>
  void Finish(Exchange& exchange, Result<typename MethodOf<kRpc>::Reply> reply);

  const Parts parts_;
  FrontLimits limits_;
  rpc::LogLimiter denials_;
  rpc::LogLimiter slow_;
};

// --- templates -----------------------------------------------------------------------------------

// A request that goes on elsewhere.
template <Rpc kRpc, typename Body>
class Front::Pending : public Job {
 public:
  using Request = typename MethodOf<kRpc>::Request;

  Pending(Front& front, Exchange&& exchange, Request&& request, const Body& body)
      : front_(front), exchange_(std::move(exchange)), request_(std::move(request)), body_(body) {}

  Exchange& exchange() { return exchange_; }
  void Run() override {
    const Status wanted = StillWanted(exchange_);
    if (!wanted) return front_.Refuse(exchange_, wanted.error());
    front_.Finish<kRpc>(exchange_, body_(std::as_const(exchange_), request_));
  }

 private:
  Front& front_;
  Exchange exchange_;
  Request request_;
  const Body& body_;  // of the dispatcher
};

template <typename Request>
Result<Front::Claims> Front::ClaimsOf(Request& request) {
  Claims claims;
  if constexpr (requires { request.target; }) {
    ASSIGN_OR_RETURN(client::RequestTarget target, client::FromWire(std::move(request.target)));
    claims = {std::move(target.keyspace), target.keyspace_id, target.deadline, true, {}};
  } else if constexpr (requires { request.keyspace.name; }) {
    claims.keyspace = request.keyspace.name;
  } else if constexpr (requires { request.name; }) {
    claims.keyspace = request.name;
  }
  claims.about = claims.keyspace;
  if constexpr (requires { request.grant; }) {
    claims.about = AboutOf(request.grant);
  }
  if constexpr (requires { request.deadline_ms; }) {
    if (request.__isset.deadline_ms) {
      ASSIGN_OR_RETURN(claims.deadline, DeadlineOf(request.deadline_ms));
    }
  }
  return claims;
}

template <Rpc kRpc>
void Front::Finish(Exchange& exchange, Result<typename MethodOf<kRpc>::Reply> reply) {
  if (!reply) return Refuse(exchange, reply.error());
  typename MethodOf<kRpc>::Result result;
  result.success = std::move(*reply);
  result.__isset.success = true;
  Result<Bytes> frame = exchange.call.Encode(result);
  if (!frame) return Refuse(exchange, frame.error());
  NoteEnd(exchange, nullptr);
  exchange.call.ReplyEncoded(*std::move(frame));
}

template <Rpc kRpc, typename Body>
void Front::Add(rpc::Dispatcher& dispatcher, Runs runs, Body body) {
  using Arguments = typename MethodOf<kRpc>::Arguments;
  dispatcher.Add<Arguments>(
      std::string(RowOf(kRpc).method),
      [this, runs, body = std::move(body)](rpc::Call call, Arguments& arguments) {
        Exchange exchange(kRpc, std::move(call));
        const Status admitted = Admit(exchange, ClaimsOf(arguments.request));
        if (!admitted) return Refuse(exchange, admitted.error());
        if (runs == Runs::kHere) {
          return Finish<kRpc>(exchange, body(std::as_const(exchange), arguments.request));
        }
        auto pending = std::make_unique<Pending<kRpc, Body>>(*this, std::move(exchange),
                                                             std::move(arguments.request), body);
        Exchange& waiting = pending->exchange();
        std::unique_ptr<Job> job = std::move(pending);
        if (runs == Runs::kOnFiber ? RunOnFiber(job) : parts_.reads.Push(job)) return;
        Refuse(waiting, Error{ErrorCode::kBusy, "too many requests are waiting"});
      });
}

template <Rpc kRpc>
void Front::AddElsewhere(rpc::Dispatcher& dispatcher) {
  using Arguments = typename MethodOf<kRpc>::Arguments;
  dispatcher.Add<Arguments>(std::string(RowOf(kRpc).method), [this](rpc::Call call, Arguments&) {
    Exchange exchange(kRpc, std::move(call));
    parts_.counters.Begin(kRpc);
    Refuse(exchange, Denied(exchange));
  });
}

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_FRONT_H_
