// SPDX-License-Identifier: Apache-2.0
//
// Counters: what the requests of a node came to. Each only grows.
#ifndef METARING_KVNODE_SERVER_COUNTERS_H_
#define METARING_KVNODE_SERVER_COUNTERS_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "kvnode/base/result.h"
#include "kvnode/server/access.h"

namespace metaring::server {

inline constexpr size_t kErrorCodeCount = static_cast<size_t>(ErrorCode::kInternal) + 1;

// By the names that `stats` gives (README.md).
using NamedCounters = std::map<std::string, int64_t>;

// Thread-safe.
class Counters {
 public:
  void Begin(Rpc rpc) { Add(of_[Index(rpc)].requests, 1); }
  void End(Rpc rpc, std::chrono::steady_clock::duration took) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    Add(of_[Index(rpc)].ended, 1);
    Add(of_[Index(rpc)].micros, static_cast<uint64_t>(micros));
  }
  void Fail(ErrorCode code) { Add(errors_[static_cast<size_t>(code)], 1); }

  // Of all methods together.
  uint64_t ended() const {
    uint64_t sum = 0;
    for (const OfRpc& of : of_) sum += of.ended.load(std::memory_order_relaxed);
    return sum;
  }

  // "requests.get", "microseconds.get", "errors.not_found"; errors that never were are left out.
  void AddTo(NamedCounters& named) const {
    for (const AccessRow& row : kAccessTable) {
      const std::string method(row.method);
      named["requests." + method] = Value(of_[Index(row.rpc)].requests);
      named["microseconds." + method] = Value(of_[Index(row.rpc)].micros);
    }
    for (size_t i = 1; i < kErrorCodeCount; ++i) {
      const std::string name(ErrorCodeName(static_cast<ErrorCode>(i)));
      if (const int64_t count = Value(errors_[i]); count > 0) named["errors." + name] = count;
    }
  }

 private:
  using Counter = std::atomic<uint64_t>;
  struct OfRpc {
    Counter requests{0};
    Counter ended{0};
    Counter micros{0};
  };

  static size_t Index(Rpc rpc) { return static_cast<size_t>(rpc); }
  static void Add(Counter& counter, uint64_t count) {
    counter.fetch_add(count, std::memory_order_relaxed);
  }
  static int64_t Value(const Counter& counter) {
    return static_cast<int64_t>(counter.load(std::memory_order_relaxed));
  }

  std::array<OfRpc, kRpcCount> of_{};
  std::array<Counter, kErrorCodeCount> errors_{};
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_COUNTERS_H_
