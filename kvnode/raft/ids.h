// SPDX-License-Identifier: Apache-2.0
//
// The numbers of Raft as types of their own, and the bounds beyond which a number from the network
// is absurd: no group lives that long, so it is a broken or hostile peer.
#ifndef METARING_KVNODE_RAFT_IDS_H_
#define METARING_KVNODE_RAFT_IDS_H_

#include <cstdint>

#include "kvnode/base/ids.h"

namespace metaring::raft {

// A leader's reign (Raft 5.1). Zero: before the first election.
using Term = StrongId<struct TermTag>;
// A position in the log of one group; the first entry has index 1.
using LogIndex = StrongId<struct LogIndexTag>;
// Which of its promises a node means (support.h). Zero: none.
using SupportEpoch = StrongId<struct SupportEpochTag>;
// A round of confirmations for reads (confirm.h). Zero: none.
using RoundId = StrongId<struct RoundIdTag>;
// One occasion on which a replica found its log damaged; later ones are higher. Zero: none.
using RepairId = StrongId<struct RepairIdTag>;

// Of a message. What is above is dropped.
inline constexpr uint64_t kTermMax = uint64_t{1} << 62;
inline constexpr uint64_t kLogIndexMax = uint64_t{1} << 62;
// How far a message's term may be ahead of the receiver's: nobody misses that many elections.
inline constexpr uint64_t kTermLeapMax = uint64_t{1} << 32;

constexpr LogIndex Next(LogIndex index) {
  return LogIndex(index.value() + 1);
}
// index > 0.
constexpr LogIndex Previous(LogIndex index) {
  return LogIndex(index.value() - 1);
}

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_IDS_H_
