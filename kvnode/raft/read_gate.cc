// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/read_gate.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace metaring::raft {

int64_t ReadGate::LeaseEnd(const SupportReceived& received) const {
  if (!open_ || !lease_) return 0;
  if (needed_ == 0) return std::numeric_limits<int64_t>::max();
  if (recorded_.size() < needed_) return 0;
  std::vector<int64_t> deadlines;
  deadlines.reserve(recorded_.size());
  for (const RecordedSupport& support : recorded_) {
    deadlines.push_back(received.Deadline(support.peer, support.epoch));
  }
  std::sort(deadlines.begin(), deadlines.end(), std::greater<>());
  return deadlines[needed_ - 1];
}

ReadVerdict ReadGate::ByLease(LogIndex applied, int64_t now_ns,
                              const SupportReceived& received) const {
  if (!open_) return ReadVerdict::kNotLeader;
  if (now_ns >= LeaseEnd(received)) return ReadVerdict::kNoLease;
  return applied < read_index_ ? ReadVerdict::kBehind : ReadVerdict::kServe;
}

ReadVerdict ReadGate::ByConfirmation(LogIndex applied, const ConfirmedReads& confirmed) const {
  if (!open_ || confirmed.term != term_) return ReadVerdict::kNotLeader;
  return applied < confirmed.read_index ? ReadVerdict::kBehind : ReadVerdict::kServe;
}

}  // namespace metaring::raft
