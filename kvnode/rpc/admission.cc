// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/admission.h"

#include "kvnode/base/check.h"

namespace metaring::rpc {
namespace {

// A connection may have one of them; the last is for small requests.
constexpr size_t kShares = 4;

}  // namespace

Status Admission::Connect(const std::string& address) {
  const MutexLock lock(mutex_);
  const auto known = per_address_.find(address);
  const size_t from_there = known == per_address_.end() ? 0 : known->second;
  const char* over = nullptr;
  if (total_ >= limits_.connections_max) over = "too many connections";
  if (handshakes_ >= limits_.handshakes_max) over = "too many handshakes at once";
  if (from_there >= limits_.connections_per_address_max) over = "too many of this address";
  if (over != nullptr) {
    ++refused_;
    return Fail(ErrorCode::kBusy, over);
  }
  ++per_address_[address];
  ++total_;
  ++handshakes_;
  return {};
}

Status Admission::Identify(Role role) {
  const MutexLock lock(mutex_);
  --handshakes_;
  if (role == Role::kNode) return {};
  ++not_nodes_;
  if (not_nodes_ + limits_.connections_reserved_for_nodes <= limits_.connections_max) return {};
  ++refused_;
  return Fail(ErrorCode::kBusy, "the connections that are left are for nodes");
}

void Admission::Disconnect(const std::string& address, bool identified, Role role) {
  const MutexLock lock(mutex_);
  const auto known = per_address_.find(address);
  CHECK(known != per_address_.end() && total_ > 0);
  if (--known->second == 0) per_address_.erase(known);
  --total_;
  if (!identified) --handshakes_;
  if (identified && role != Role::kNode) --not_nodes_;
  fewer_.NotifyAll();
}

bool Admission::BeginRequest(size_t on_connection) {
  if (on_connection < limits_.requests_per_connection_max) {
    if (in_flight_.fetch_add(1, std::memory_order_relaxed) < limits_.requests_max) {
      requests_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    EndRequest();
  }
  return false;
}

bool Admission::TakeRequestBytes(size_t on_connection, size_t bytes, bool large) {
  const size_t share = limits_.request_bytes_max / kShares;
  if (on_connection > 0 && on_connection + bytes > share) return false;
  const size_t reserved = large ? share : 0;
  const uint64_t before = request_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= limits_.request_bytes_max - reserved) return true;
  GiveRequestBytes(bytes);
  return false;
}

ServerStats Admission::stats() const {
  ServerStats stats;
  stats.handshakes_failed = handshakes_failed_.load(std::memory_order_relaxed);
  stats.requests_in_flight = in_flight_.load(std::memory_order_relaxed);
  stats.requests = requests_.load(std::memory_order_relaxed);
  stats.request_bytes = request_bytes_.load(std::memory_order_relaxed);
  stats.requests_refused = requests_refused_.load(std::memory_order_relaxed);
  stats.bytes_received = received_.load(std::memory_order_relaxed);
  stats.bytes_sent = sent_.load(std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  stats.connections = total_;
  stats.connections_refused = refused_;
  return stats;
}

void Admission::AwaitNoConnections(std::chrono::milliseconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  const MutexLock lock(mutex_);
  while (total_ > 0) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0 || !fewer_.WaitFor(mutex_, left)) break;
  }
}

}  // namespace metaring::rpc
