// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/progress.h"

#include <algorithm>

namespace metaring::raft {

bool Progress::MaySend(uint64_t bytes_in_flight_max) const {
  if (handed_out_ || !reachable || state_ == ProgressState::kSnapshot) return false;
  if (!flight_) return true;
  return state_ == ProgressState::kReplicate && flight_->appends.size() < kAppendsInFlightMax &&
         flight_->bytes < bytes_in_flight_max;
}

bool Progress::Sent(LogIndex base, LogIndex last, uint64_t bytes) {
  handed_out_ = false;
  if (Next(base) != next_ || last <= base || state_ == ProgressState::kSnapshot) return false;
  if (!flight_) flight_ = std::make_unique<Flight>();
  flight_->appends.push_back({last, bytes});
  flight_->bytes += bytes;
  // While the common part is unknown the same entries may have to go again.
  if (state_ == ProgressState::kReplicate) next_ = Next(last);
  return true;
}

bool Progress::Acknowledged(LogIndex match) {
  waited_ticks_ = 0;
  const bool news = match > match_;
  match_ = std::max(match_, match);
  if (state_ == ProgressState::kProbe) {
    // An answer to the probe, whatever it says, or to something before it that says more.
    if (match_ >= Previous(next_)) {
      state_ = ProgressState::kReplicate;
      flight_.reset();
    }
  } else if (state_ == ProgressState::kSnapshot && match_ >= Previous(next_)) {
    state_ = ProgressState::kReplicate;
  }
  next_ = std::max(next_, Next(match_));
  if (flight_) {
    std::vector<Append>& appends = flight_->appends;
    size_t done = 0;
    for (; done < appends.size() && appends[done].last <= match_; ++done) {
      flight_->bytes -= appends[done].bytes;
    }
    appends.erase(appends.begin(), appends.begin() + static_cast<std::ptrdiff_t>(done));
    if (appends.empty()) flight_.reset();
  }
  return news;
}

bool Progress::Rejected(LogIndex base, LogIndex agreed) {
  waited_ticks_ = 0;
  if (base <= match_ || state_ == ProgressState::kSnapshot) return false;
  // A probe's answer is about its base; of a pipeline any append may have met a gap.
  if (state_ == ProgressState::kProbe && Next(base) != next_) return false;
  Probe();
  next_ = Next(std::max(match_, std::min(agreed, Previous(base))));
  return true;
}

void Progress::Probe() {
  // A probe that got no answer is repeated; a pipeline goes on behind what is known to be there.
  if (state_ != ProgressState::kProbe) next_ = Next(match_);
  state_ = ProgressState::kProbe;
  flight_.reset();
  waited_ticks_ = 0;
}

void Progress::WayClosed() {
  handed_out_ = false;
  if (state_ != ProgressState::kSnapshot) Probe();
}

void Progress::ForgetMatch(RepairId damage) {
  const LogIndex next = next_;
  match_ = LogIndex(0);
  Probe();
  // Where it was is as good a guess as any, and better than the beginning.
  next_ = next;
  repair = damage;
}

void Progress::AwaitSnapshot() {
  state_ = ProgressState::kSnapshot;
  flight_.reset();
  waited_ticks_ = 0;
}

void Progress::SnapshotSent(LogIndex index) {
  if (state_ != ProgressState::kSnapshot) return;
  Probe();
  next_ = std::max(next_, Next(index));
}

bool Progress::Stalled(uint32_t ticks) {
  if (!flight_) {
    waited_ticks_ = 0;
    return false;
  }
  waited_ticks_ = static_cast<uint8_t>(std::min<uint32_t>(waited_ticks_ + 1u, 255));
  return waited_ticks_ >= ticks;
}

}  // namespace metaring::raft
