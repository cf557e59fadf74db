// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/support.h"

#include <algorithm>
#include <limits>

namespace metaring::raft {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

SupportEpoch After(SupportEpoch epoch) {
  return SupportEpoch(epoch.value() + 1);
}

}  // namespace

SupportGiven::SupportGiven(LeaseLimits limits, SupportEpoch durable, int64_t now_ns)
    : limits_(limits),
      first_(After(durable)),
      durable_(durable),
      asked_(durable),
      highest_(After(durable)),
      restart_end_ns_(now_ns + limits.lease_ns),
      // A node that never raised an epoch never promised anything.
      restarting_(durable != SupportEpoch()) {}

std::optional<SupportEpoch> SupportGiven::Extend(NodeId peer, uint64_t incarnation,
                                                 int64_t now_ns) {
  auto at = promises_.find(peer);
  if (at == promises_.end()) {
    // The first epoch of this life is above all of the former ones only when it is durable.
    if (durable_ < first_) return std::nullopt;
    if (promises_.size() >= kSupportPeersMax) return std::nullopt;
    at = promises_.emplace(peer, Promise{.epoch = durable_, .incarnation = incarnation}).first;
  }
  Promise& promise = at->second;
  if (promise.successor != SupportEpoch()) return std::nullopt;
  const bool run_out = promise.deadline_ns != 0 && promise.deadline_ns <= now_ns;
  if (run_out || (promise.incarnation != incarnation && promise.deadline_ns != 0)) {
    promise.incarnation = incarnation;
    End(promise);
    return std::nullopt;
  }
  promise.incarnation = incarnation;
  promise.deadline_ns = std::max(promise.deadline_ns, now_ns + limits_.lease_ns);
  return promise.epoch;
}

void SupportGiven::End(Promise& promise) {
  // An epoch that is already on its way to the disk may have been given out by then.
  if (highest_ == asked_) highest_ = After(highest_);
  promise.successor = highest_;
}

std::optional<SupportEpoch> SupportGiven::Advance(int64_t now_ns) {
  for (auto& [peer, promise] : promises_) {
    const bool stands = promise.deadline_ns != 0 && promise.successor == SupportEpoch();
    if (stands && promise.deadline_ns <= now_ns) End(promise);
  }
  if (now_ns >= restart_end_ns_) restarting_ = false;
  if (highest_ == asked_) return std::nullopt;
  asked_ = highest_;
  return asked_;
}

void SupportGiven::Raised(SupportEpoch epoch) {
  durable_ = std::max(durable_, std::min(epoch, asked_));
  for (auto& [peer, promise] : promises_) {
    if (promise.successor == SupportEpoch() || promise.successor > durable_) continue;
    promise = {.epoch = promise.successor, .incarnation = promise.incarnation};
  }
}

SupportEpoch SupportGiven::Current(NodeId peer) const {
  const auto at = promises_.find(peer);
  if (at == promises_.end() || at->second.deadline_ns == 0) return SupportEpoch();
  return at->second.successor == SupportEpoch() ? at->second.epoch : SupportEpoch();
}

bool SupportGiven::Binds(NodeId peer, SupportEpoch epoch) const {
  if (epoch == SupportEpoch()) return false;
  const auto at = promises_.find(peer);
  return at != promises_.end() && at->second.epoch == epoch;
}

int64_t SupportGiven::deadline() const {
  if (highest_ != asked_) return 0;
  int64_t first = restarting_ ? restart_end_ns_ : kNever;
  for (const auto& [peer, promise] : promises_) {
    const bool stands = promise.deadline_ns != 0 && promise.successor == SupportEpoch();
    if (stands) first = std::min(first, promise.deadline_ns);
  }
  return first;
}

void SupportReceived::Granted(NodeId peer, SupportEpoch epoch, int64_t sent_ns) {
  const auto at = promises_.find(peer);
  if (at == promises_.end() && promises_.size() >= kSupportPeersMax) return;
  Promise& promise = promises_[peer];
  if (epoch < promise.epoch) return;
  const int64_t deadline_ns = sent_ns + limits_.usable_ns();
  promise.deadline_ns =
      epoch == promise.epoch ? std::max(promise.deadline_ns, deadline_ns) : deadline_ns;
  promise.epoch = epoch;
}

int64_t SupportReceived::Deadline(NodeId peer, SupportEpoch epoch) const {
  if (epoch == SupportEpoch()) return 0;
  const auto at = promises_.find(peer);
  return at != promises_.end() && at->second.epoch == epoch ? at->second.deadline_ns : 0;
}

std::vector<NodeId> SupportReceived::Advance(int64_t now_ns) {
  std::vector<NodeId> ended;
  for (const auto& [peer, promise] : promises_) {
    if (promise.deadline_ns > now_ns_ && promise.deadline_ns <= now_ns) ended.push_back(peer);
  }
  now_ns_ = std::max(now_ns_, now_ns);
  return ended;
}

int64_t SupportReceived::deadline() const {
  int64_t first = kNever;
  for (const auto& [peer, promise] : promises_) {
    if (promise.deadline_ns > now_ns_) first = std::min(first, promise.deadline_ns);
  }
  return first;
}

}  // namespace metaring::raft
