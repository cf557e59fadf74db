// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/request_ids.h"

#include <algorithm>

namespace metaring::client {

using state::kOutcomesPerClientMax;

Result<state::RequestId> RequestIds::Begin() {
  const MutexLock lock(mutex_);
  auto lane = std::find_if(lanes_.begin(), lanes_.end(), [](const Lane& each) {
    return each.next - each.lowest < kOutcomesPerClientMax;
  });
  if (lane == lanes_.end()) {
    if (lanes_.size() == kLanesMax) {
      return Fail(ErrorCode::kBusy, "too many writes of this client have not ended");
    }
    lanes_.emplace_back();
    lane = lanes_.end() - 1;
    while (lane->client == 0) lane->client = random_.Next();
  }
  const uint64_t sequence = lane->next++;
  lane->ended.reset(sequence % kOutcomesPerClientMax);
  return state::RequestId{lane->client, sequence, lane->lowest};
}

void RequestIds::End(const state::RequestId& id) {
  const MutexLock lock(mutex_);
  for (Lane& lane : lanes_) {
    if (lane.client != id.client) continue;
    lane.ended.set(id.sequence % kOutcomesPerClientMax);
    while (lane.lowest < lane.next && lane.ended.test(lane.lowest % kOutcomesPerClientMax)) {
      ++lane.lowest;
    }
  }
}

}  // namespace metaring::client
