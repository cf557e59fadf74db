// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/front.h"

#include <fmt/format.h>

#include <Kv.tcc>
#include <algorithm>
#include <array>
#include <kv_types.tcc>

#include "kvnode/base/logging.h"

namespace metaring::server {
namespace {

constexpr char kAudit[] = "audit";
constexpr int64_t kDenialEveryNanos = 100'000'000;
constexpr int64_t kSlowEveryNanos = 250'000'000;

// Ends itself.
class FiberTask : public fiber::Task {
 public:
  explicit FiberTask(std::unique_ptr<Job> job) : job_(std::move(job)) {}
  void Run() override {
    job_->Run();
    delete this;
  }

 private:
  std::unique_ptr<Job> job_;
};

std::string_view OutcomeOf(const Error* error) {
  return error == nullptr ? "done" : ErrorCodeName(error->code);
}

}  // namespace

Bytes EncodeRefusal(ByteView method, const Error& error) {
  const bool known = std::any_of(kAccessTable.begin(), kAccessTable.end(),
                                 [&](const AccessRow& row) { return row.method == method; });
  if (!known) return {};
  std::chrono::milliseconds retry_after{0};
  if (error.code == ErrorCode::kBusy) retry_after = kBusyRetryAfter;
  if (error.code == ErrorCode::kUnavailable) retry_after = kUnavailableRetryAfter;
  // The exception is field 1 of every method's result.
  wire::Kv_get_result result;
  result.error = client::ToWire(error, retry_after);
  result.__isset.error = true;
  Bytes out;
  rpc::AppendEncoded(out, result);
  return out;
}

Front::Front(const Parts& parts)
    : parts_(parts),
      denials_(parts.clock, kDenialEveryNanos),
      slow_(parts.clock, kSlowEveryNanos) {}

Result<std::chrono::milliseconds> Front::DeadlineOf(int32_t deadline_ms) {
  const std::chrono::milliseconds deadline(deadline_ms);
  if (deadline_ms >= 1 && deadline <= client::kRequestDeadlineMax) return deadline;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("deadline_ms is {}; it must be 1 to {}", deadline_ms,
                          client::kRequestDeadlineMax.count()));
}

std::string Front::AboutOf(const wire::Grant& grant) {
  constexpr std::array<const char*, 4> kNames{"none", "read", "write", "admin"};
  const auto access = static_cast<size_t>(grant.__isset.access ? grant.access : 0);
  return fmt::format("{} in {}: {}", grant.client, grant.keyspace,
                     access < kNames.size() ? kNames[access] : "unknown");
}

Status Front::Admit(Exchange& exchange, Result<Claims> claims) {
  parts_.counters.Begin(exchange.rpc);
  if (!claims) return Fail(std::move(claims).error());
  exchange.about = std::move(claims->about);
  const AccessRow& row = RowOf(exchange.rpc);
  const rpc::Identity& peer = exchange.call.peer();
  std::optional<Access> granted;
  if (peer.role == rpc::Role::kClient && row.client == Right::kByGrant) {
    granted = parts_.grants.Of(peer.name, claims->keyspace);
  }
  if (!IsAllowed(row, peer.role, granted)) return Fail(Denied(exchange));
  if (claims->deadline) exchange.call.set_deadline(exchange.began + *claims->deadline);
  if (claims->needs_keyspace) {
    ASSIGN_OR_RETURN(exchange.keyspace,
                     parts_.keyspaces.Find(claims->keyspace, claims->keyspace_id));
  }
  return {};
}

Error Front::Denied(const Exchange& exchange) {
  const AccessRow& row = RowOf(exchange.rpc);
  const rpc::Identity& peer = exchange.call.peer();
  if (const auto dropped = denials_.Admit()) {
    LogLine(LogLevel::kWarn, kAudit, "denied",
            {{"peer", peer.name},
             {"role", rpc::RoleName(peer.role)},
             {"address", exchange.call.remote_address()},
             {"method", row.method},
             {"about", Escaped(exchange.about)},
             {"not_logged", *dropped}});
  }
  std::string message =
      fmt::format("{} \"{}\" may not call {}", rpc::RoleName(peer.role), peer.name, row.method);
  if (row.grant) message += fmt::format(" in keyspace \"{}\"", Escaped(exchange.about));
  return Error{ErrorCode::kPermissionDenied, std::move(message)};
}

Status Front::StillWanted(const Exchange& exchange) {
  if (exchange.call.cancelled()) {
    return Fail(ErrorCode::kCancelled, "the connection is gone");
  }
  if (std::chrono::steady_clock::now() >= exchange.call.deadline()) {
    return Fail(ErrorCode::kDeadlineExceeded, "the deadline passed before it was begun");
  }
  return {};
}

bool Front::RunOnFiber(std::unique_ptr<Job>& job) {
  if (parts_.fibers.live() >= limits_.writes_max) return false;
  parts_.fibers.Run(*new FiberTask(std::move(job)));
  return true;
}

void Front::NoteEnd(const Exchange& exchange, const Error* error) {
  const auto took = std::chrono::steady_clock::now() - exchange.began;
  parts_.counters.End(exchange.rpc, took);
  if (error != nullptr) parts_.counters.Fail(error->code);
  const AccessRow& row = RowOf(exchange.rpc);
  const rpc::Identity& peer = exchange.call.peer();
  const bool denied = error != nullptr && error->code == ErrorCode::kPermissionDenied;
  if (row.is_admin_action && !denied) {  // denials have their own line, of which there are few
    LogLine(LogLevel::kInfo, kAudit, "admin action",
            {{"peer", peer.name},
             {"role", rpc::RoleName(peer.role)},
             {"address", exchange.call.remote_address()},
             {"method", row.method},
             {"about", Escaped(exchange.about)},
             {"outcome", OutcomeOf(error)}});
  }
  const int64_t slow_ms = limits_.slow_request_ms;
  if (slow_ms == 0 || took < std::chrono::milliseconds(slow_ms)) return;
  if (const auto dropped = slow_.Admit()) {
    const auto took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took);
    LogLine(LogLevel::kWarn, "slow", "slow request",
            {{"method", row.method},
             {"ms", took_ms.count()},
             {"about", Escaped(exchange.about)},
             {"outcome", OutcomeOf(error)},
             {"peer", peer.name},
             {"address", exchange.call.remote_address()},
             {"not_logged", *dropped}});
  }
}

void Front::Refuse(Exchange& exchange, const Error& error) {
  NoteEnd(exchange, &error);
  exchange.call.Refuse(error);
}

}  // namespace metaring::server
