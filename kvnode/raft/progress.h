// SPDX-License-Identifier: Apache-2.0
//
// Progress: what a leader knows of one other member, and how much it may have under way to it.
//
//   kProbe     the logs' common part is being looked for: one append at a time
//   kReplicate it is known: appends follow each other without waiting, up to two bounds
//   kSnapshot  what the member lacks is no longer in the log: nothing is sent until it is there
//
// (The states and their names are those of etcd's raft.)
#ifndef METARING_KVNODE_RAFT_PROGRESS_H_
#define METARING_KVNODE_RAFT_PROGRESS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kvnode/raft/ids.h"

namespace metaring::raft {

// Appends with entries under way to one member.
inline constexpr size_t kAppendsInFlightMax = 64;

enum class ProgressState : uint8_t { kProbe, kReplicate, kSnapshot };

// Of one leadership. One caller. Invariants: match < next.
class Progress {
 public:
  Progress(NodeId node, LogIndex last) : node_(node), next_(Next(last)) {}

  NodeId node() const { return node_; }
  // The member's log is durable and the leader's up to here. Moves up, but for a damaged log.
  LogIndex match() const { return match_; }
  // The next entry to send.
  LogIndex next() const { return next_; }
  ProgressState state() const { return state_; }
  size_t bytes_in_flight() const { return flight_ ? flight_->bytes : 0; }

  // Whether a further append with entries may be handed to the driver.
  bool MaySend(uint64_t bytes_in_flight_max) const;
  // The driver has an append with entries and has yet to say how far it went.
  void HandedOut() { handed_out_ = true; }
  // The driver sent entries (base, last]. False: meanwhile something else is next; it is harmless.
  bool Sent(LogIndex base, LogIndex last, uint64_t bytes);

  // An acknowledgement up to `match`. True when it is news.
  bool Acknowledged(LogIndex match);
  // The append behind `base` did not fit. False: that is an old story. The next one goes out
  // behind `agreed`, or behind match() if that is more.
  bool Rejected(LogIndex base, LogIndex agreed);
  // What was under way is lost, or may be.
  void Probe();
  // The driver holds nothing for this member any more: the way to it was closed.
  void WayClosed();
  // The member's log lost entries that it had acknowledged.
  void ForgetMatch(RepairId damage);
  void AwaitSnapshot();
  // A snapshot up to `index` is there.
  void SnapshotSent(LogIndex index);

  // Counts a tick; true when what is under way has waited for `ticks` of them without news.
  bool Stalled(uint32_t ticks);

  // Facts that the leader keeps here. Each is the last that it heard.
  SupportEpoch support;      // the promise, as of the last acknowledgement in this term
  RepairId repair;           // the damage of the member's log that this leader knows of
  LogIndex commit;           // what the member said that it knows to be committed
  uint8_t silent_ticks = 0;  // since it was heard from or its support stood; up to 255
  uint8_t behind_ticks = 0;  // since it was heard from, while entries wait for it; up to 255
  bool reachable = true;     // as the driver says; nothing is sent while it is not
  bool notify = true;        // an append is due although there may be no entries for it
  bool told_commit = false;  // the commit index, as it is now, was sent once

 private:
  struct Append {
    LogIndex last;
    uint64_t bytes;
  };
  struct Flight {
    std::vector<Append> appends;  // oldest first; at most kAppendsInFlightMax
    uint64_t bytes = 0;
  };

  // Small ones beside the small ones above: it is kept for each member of each group.
  ProgressState state_ = ProgressState::kProbe;
  bool handed_out_ = false;
  uint8_t waited_ticks_ = 0;
  NodeId node_;
  LogIndex match_;
  LogIndex next_;
  // Null when nothing is under way: so it is in most groups.
  std::unique_ptr<Flight> flight_;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_PROGRESS_H_
