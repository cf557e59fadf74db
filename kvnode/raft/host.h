// SPDX-License-Identifier: Apache-2.0
//
// Host: what all cores of one node share and only read. Its owner is the driver, which moves the
// two sides of support with its clock; cores see what stands at that moment.
#ifndef METARING_KVNODE_RAFT_HOST_H_
#define METARING_KVNODE_RAFT_HOST_H_

#include <cstdint>

#include "kvnode/raft/ids.h"
#include "kvnode/raft/support.h"

namespace metaring::raft {

// Times are in ticks of the driver; a tick is shorter than a quarter of a lease.
struct Options {
  uint32_t election_ticks = 10;  // without a leader, until a rank 0 campaigns (plus jitter)
  uint32_t heartbeat_ticks = 2;  // between appends to a member without support; resend is twice it
  uint32_t rank_ticks = 2;       // that each rank of the election order waits longer
  uint32_t jitter_ticks = 3;     // at most; against split votes
  uint64_t append_bytes_max = 1 << 20;      // in one append; its first entry may be larger
  uint64_t bytes_in_flight_max = 8 << 20;   // to one member, and one append more
  uint64_t uncommitted_entries_max = 4096;  // of a leader; then proposals are refused
  uint64_t promote_lag_max = 1024;  // entries that a learner may lack when it becomes a voter
};

struct Host {
  NodeId self;
  Options options;
  uint64_t seed = 0;  // of jitter: another one on each node
  SupportGiven given;
  SupportReceived received;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_HOST_H_
