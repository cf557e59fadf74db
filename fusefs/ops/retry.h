// SPDX-License-Identifier: Apache-2.0
//
// The loop around an operation: read, decide, one transaction; and again when it lost.
#ifndef METARING_FUSEFS_OPS_RETRY_H_
#define METARING_FUSEFS_OPS_RETRY_H_

#include <optional>
#include <string>
#include <thread>

#include "fusefs/ops/ops.h"

namespace metaring::fusefs {

// An attempt that lost against another writer; the operation starts again.
inline constexpr std::nullopt_t kLost = std::nullopt;

// `attempt` returns Result<std::optional<Reply>>: a reply, an error, or kLost.
template <typename Reply, typename Attempt>
Result<Reply> Retry(const char* operation, Attempt&& attempt) {
  for (int i = 0; i < kAttemptsMax; ++i) {
    Result<std::optional<Reply>> outcome = attempt();
    if (!outcome) return Fail(std::move(outcome).error());
    if (*outcome) return std::move(**outcome);
    std::this_thread::yield();
  }
  return Fail(ErrorCode::kConflict,
              std::string(operation) + ": lost against other writers too often");
}

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_RETRY_H_
