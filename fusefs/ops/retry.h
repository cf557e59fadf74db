// SPDX-License-Identifier: Apache-2.0
//
// The loop around an operation: read, decide, one transaction; and again when it lost.
//
// A loser has cost a log write and was as late as the others that lost with it, so after the first
// few attempts each waits for a random while, which grows: else the thread that wakes last would
// lose every time. All waits of one operation together stay below six seconds.
#ifndef METARING_FUSEFS_OPS_RETRY_H_
#define METARING_FUSEFS_OPS_RETRY_H_

#include <optional>
#include <string>

#include "fusefs/ops/ops.h"

namespace metaring::fusefs {

// An attempt that lost against another writer; the operation starts again.
inline constexpr std::nullopt_t kLost = std::nullopt;

// Waits before the attempt after `losses` (at least 1).
void BackOff(int losses);

// `attempt` returns Result<std::optional<Reply>>: a reply, an error, or kLost.
template <typename Reply, typename Attempt>
Result<Reply> Retry(const char* operation, Attempt&& attempt) {
  for (int losses = 0; losses < kAttemptsMax; ++losses) {
    if (losses > 0) BackOff(losses);
    Result<std::optional<Reply>> outcome = attempt();
    if (!outcome) return Fail(std::move(outcome).error());
    if (*outcome) return std::move(**outcome);
  }
  return Fail(ErrorCode::kConflict,
              std::string(operation) + ": lost against other writers too often");
}

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_RETRY_H_
