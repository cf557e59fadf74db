// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace metaring::client {

void Retry::NoteNode(const Failure& failure) {
  const ErrorCode code = failure.error.code;
  if (failure.elsewhere && code != ErrorCode::kUnavailable && code != ErrorCode::kBusy) {
    wrong_nodes_.insert(failure.node);
  } else {
    wrong_nodes_.erase(failure.node);
    // That the time is over says nothing of the node.
    if (code != ErrorCode::kDeadlineExceeded) down_ = failure.error;
  }
}

bool Retry::MayRepeat(const Failure& failure, size_t nodes) const {
  switch (failure.error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kBusy:
      return true;
    case ErrorCode::kUnknownOutcome:
      // A node's own is final: it has forgotten the outcome.
      return failure.maybe_done && repeatable_ != Repeatable::kIfNotBegun;
    default:
      return failure.elsewhere && wrong_nodes_.size() < nodes;
  }
}

std::chrono::nanoseconds Retry::WaitAfter(const Failure& failure, size_t nodes, Random& random) {
  const bool of_no_use = failure.elsewhere || failure.maybe_done;
  if (of_no_use && ++this_round_ < nodes) return std::chrono::nanoseconds(0);
  this_round_ = 0;
  backoff_ =
      std::clamp<std::chrono::nanoseconds>(backoff_ * 2, limits_.backoff_min, limits_.backoff_max);
  const auto half = static_cast<uint64_t>(backoff_.count() / 2);
  const auto wait = std::chrono::nanoseconds(half + random.Below(half + 1));
  // Those who got the same hint do not come back at the same moment.
  const std::chrono::nanoseconds hint = failure.retry_after;
  const auto spread = static_cast<uint64_t>(hint.count() / 4);
  return std::max(wait, hint + std::chrono::nanoseconds(random.Below(spread + 1)));
}

Retry::Verdict Retry::After(const Failure& failure, TimePoint now, size_t nodes, Random& random) {
  ++attempts_;
  NoteNode(failure);
  if (failure.maybe_done && repeatable_ != Repeatable::kAlways && !maybe_done_since_) {
    maybe_done_since_ = attempt_began_;
  }
  Error error = failure.error;
  if (MayRepeat(failure, nodes)) {
    const std::chrono::nanoseconds wait = WaitAfter(failure, nodes, random);
    const TimePoint end =
        maybe_done_since_ ? std::min(deadline_, *maybe_done_since_ + kRetryWritesMax) : deadline_;
    if (now + wait < end) return {true, wait, {}};
    if (failure.elsewhere && down_) error = *down_;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
    error.message += fmt::format(" (given up after {} attempts in {} ms)", attempts_, took.count());
  }
  return {false, {}, Final(std::move(error))};
}

Error Retry::Final(Error error) const {
  // A read that got no answer has failed: there is no outcome to be unknown.
  if (repeatable_ == Repeatable::kAlways && error.code == ErrorCode::kUnknownOutcome) {
    error.code = ErrorCode::kUnavailable;
  }
  if (error.code == ErrorCode::kDeadlineExceeded && down_) {
    error.message += "; before: " + down_->message;
  }
  const bool wrong_anyway = error.code == ErrorCode::kInvalidArgument;
  if (!maybe_done_since_ || wrong_anyway || error.code == ErrorCode::kUnknownOutcome) return error;
  return {ErrorCode::kUnknownOutcome, fmt::format("it may be done; the last attempt: {} ({})",
                                                  error.message, ErrorCodeName(error.code))};
}

}  // namespace metaring::client
