// SPDX-License-Identifier: Apache-2.0
//
// RequestIds: names for a client's writes, so that a retry returns the first outcome.
//
// A node keeps the newest kOutcomesPerClientMax outcomes of a client and answers anything older
// with kUnknownOutcome. So the writes of one client id must span no more sequences than that, from
// the lowest that has not ended to the newest; but one write that is retried for long must not stop
// the others. Therefore there are lanes, each a client of its own to the nodes: when the first is
// full the next is used.
#ifndef METARING_KVNODE_CLIENT_REQUEST_IDS_H_
#define METARING_KVNODE_CLIENT_REQUEST_IDS_H_

#include <bitset>
#include <memory>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/base/random.h"
#include "kvnode/base/result.h"
#include "kvnode/state/command.h"
#include "kvnode/state/outcomes.h"

namespace metaring::client {

// Thread-safe.
class RequestIds {
 public:
  static constexpr size_t kLanesMax = 64;

  // `seed` is random: client ids are made of it, and no two clients may have the same.
  explicit RequestIds(uint64_t seed) : random_(seed) {}

  // For a new write. kBusy when all lanes are full.
  Result<state::RequestId> Begin();
  // The write has ended: it is not retried any more.
  void End(const state::RequestId& id);

 private:
  struct Lane {
    uint64_t client = 0;
    uint64_t next = 1;    // sequence
    uint64_t lowest = 1;  // that has not ended, else `next`; next - lowest <= kOutcomesPerClientMax
    std::bitset<state::kOutcomesPerClientMax> ended;  // of [lowest, next), by the remainder
  };

  Mutex mutex_;
  Random random_ GUARDED_BY(mutex_);
  std::vector<Lane> lanes_ GUARDED_BY(mutex_);
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_REQUEST_IDS_H_
