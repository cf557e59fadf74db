// SPDX-License-Identifier: Apache-2.0
//
// Support: what one node promises another, once for all groups that they share, so that idle groups
// send nothing.
//
// A promise is an epoch and a deadline: "no replica of mine that acknowledged your leadership under
// this epoch votes or campaigns against you before the deadline". One heartbeat a node pair moves
// the deadline. When it has passed, the promising node makes a higher epoch durable, and only then
// do its replicas vote: no later heartbeat can prolong what they had acknowledged before. Epochs
// come from one counter a node, never reused, raised at every start; a restarted node has forgotten
// its deadlines, so it votes for nobody until the longest of them has passed.
//
// The two sides are two values of a node: SupportGiven and SupportReceived. Both are pure: time is
// a number of the owner's monotonic clock, and what must be durable is handed out and reported
// back. (After the store liveness of CockroachDB and the quorum leases of Moraru et al.)
#ifndef METARING_KVNODE_RAFT_SUPPORT_H_
#define METARING_KVNODE_RAFT_SUPPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "kvnode/raft/ids.h"

namespace metaring::raft {

struct LeaseLimits {
  int64_t lease_ns = 1'000'000'000;  // that a heartbeat is good for; the same on every node
  // Clock rates of two nodes are within 1 +- this of true time. Beyond it leases are unsafe.
  int64_t drift_ppm = 1'000;
  // What a leader may count on of a promise of lease_ns, by its own clock.
  int64_t usable_ns() const { return lease_ns - (lease_ns / 1'000'000 + 1) * 2 * drift_ppm; }
};

// Nodes that one node exchanges promises with.
inline constexpr size_t kSupportPeersMax = 4096;

// What this node promised to others. One caller.
class SupportGiven {
 public:
  // `durable`: the highest epoch that this node ever made durable, zero on its first start. The
  // first epoch of this life is Advance's first answer; until it is durable nothing is promised.
  SupportGiven(LeaseLimits limits, SupportEpoch durable, int64_t now_ns);

  // A heartbeat of `peer`, of one life of its process: the epoch that now holds until now + lease.
  // Nothing while no promise can be made (an epoch waits to be durable, or kSupportPeersMax). A new
  // life of the peer leads nothing, so what its former life was promised ends at once.
  std::optional<SupportEpoch> Extend(NodeId peer, uint64_t incarnation, int64_t now_ns);

  // Ends what has run out. Gives an epoch that must be made durable, once; then Raised. Call when
  // deadline() has come, and after Extend.
  std::optional<SupportEpoch> Advance(int64_t now_ns);
  // An epoch that Advance gave is durable. Groups that followed those peers now need ticks.
  void Raised(SupportEpoch epoch);

  // The epoch that a replica may acknowledge a leader on `peer` with; zero: none now.
  SupportEpoch Current(NodeId peer) const;
  // Whether what was acknowledged with this epoch still binds.
  bool Binds(NodeId peer, SupportEpoch epoch) const;
  // Promises of the life before this one may bind still: no replica votes or campaigns.
  bool Restarting() const { return restarting_; }
  // The time of the next Advance, INT64_MAX if none.
  int64_t deadline() const;

  // The node was removed from the cluster, for ever.
  void Forget(NodeId peer) { promises_.erase(peer); }

 private:
  struct Promise {
    SupportEpoch epoch;        // durable; given by Current while `deadline` is set
    int64_t deadline_ns = 0;   // zero: not extended under this epoch
    uint64_t incarnation = 0;  // of the peer's process
    SupportEpoch successor{};  // not zero: the promise ended, and this epoch waits to be durable
  };
  void End(Promise& promise);

  LeaseLimits limits_;
  SupportEpoch first_;      // of this life
  SupportEpoch durable_;    // durable_ <= asked_ <= highest_
  SupportEpoch asked_;      // given out by Advance
  SupportEpoch highest_;    // the counter
  int64_t restart_end_ns_;  // when promises of the former life have run out
  bool restarting_;
  std::map<NodeId, Promise> promises_;
};

// What others promised this node. One caller; a copy may be read by others.
class SupportReceived {
 public:
  explicit SupportReceived(LeaseLimits limits) : limits_(limits) {}

  // `peer` answered the heartbeat that left at `sent_ns` with this epoch. A heartbeat of this life
  // of the process: `sent_ns` is what was noted here when it left, not what the answer says.
  void Granted(NodeId peer, SupportEpoch epoch, int64_t sent_ns);
  // Until when a promise under exactly this epoch may be counted on; zero: not at all.
  int64_t Deadline(NodeId peer, SupportEpoch epoch) const;

  // Moves the time that Stands means. Gives peers whose promise has just run out: groups that are
  // led here with a replica there now need ticks.
  std::vector<NodeId> Advance(int64_t now_ns);
  bool Stands(NodeId peer, SupportEpoch epoch) const { return Deadline(peer, epoch) > now_ns_; }
  // When the next promise runs out, INT64_MAX if none.
  int64_t deadline() const;

  void Forget(NodeId peer) { promises_.erase(peer); }

 private:
  struct Promise {
    SupportEpoch epoch;
    int64_t deadline_ns = 0;
  };

  LeaseLimits limits_;
  int64_t now_ns_ = 0;
  std::map<NodeId, Promise> promises_;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_SUPPORT_H_
