// SPDX-License-Identifier: Apache-2.0
//
// ReadGate: whether a linearizable read may be served, in one place, for the engine, for the
// threads that answer reads, and for the simulator.
//
// The core makes a gate; the driver publishes it before it sends anything that the same input
// caused, so that a gate that others still hold never outlives what it stands on. Who reads does it
// in this order: read the state, note its applied index, take the time, take the gate, ask it. The
// answer may leave when the verdict is kServe, however late it then arrives (pitfalls 10 and 11).
#ifndef METARING_KVNODE_RAFT_READ_GATE_H_
#define METARING_KVNODE_RAFT_READ_GATE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "kvnode/raft/ids.h"
#include "kvnode/raft/support.h"

namespace metaring::raft {

// A round of confirmations that has succeeded: leadership of `term` was alive after every read that
// joined this round, or one before it, had arrived.
struct ConfirmedReads {
  RoundId through;
  Term term;
  LogIndex read_index;  // what a read must see: the commit index when the last of them joined
  friend bool operator==(const ConfirmedReads&, const ConfirmedReads&) = default;
};

enum class ReadVerdict : uint8_t {
  kServe,
  kNotLeader,  // no leader here, or none with an entry of its own term committed
  kBehind,     // the state that was read is older than what was acknowledged: apply, read again
  kNoLease,    // no lease, or it ended before the read did: take the other way (ReadIndex)
};

// A follower's promise as the leader recorded it in this term.
struct RecordedSupport {
  NodeId peer;
  SupportEpoch epoch;
};

// Immutable.
class ReadGate {
 public:
  // Closed: no leader.
  ReadGate() = default;
  // Of a leader whose own-term entry is committed. A read must see `read_index`.
  ReadGate(Term term, LogIndex read_index) : open_(true), term_(term), read_index_(read_index) {}
  // The same with a lease, which stands while `needed` of the voters in `recorded` keep their
  // promise; none are needed by a leader that is a majority alone.
  ReadGate(Term term, LogIndex read_index, size_t needed, std::vector<RecordedSupport> recorded)
      : ReadGate(term, read_index) {
    lease_ = true;
    needed_ = needed;
    recorded_ = std::move(recorded);
  }

  bool open() const { return open_; }
  Term term() const { return term_; }
  LogIndex read_index() const { return read_index_; }

  // The monotonic time at which the lease ends: when so many promises run out that what is left is
  // no majority with the leader. Zero: there is no lease; INT64_MAX: it needs nobody's promise.
  int64_t LeaseEnd(const SupportReceived& received) const;

  // `applied`: of the state that was read. `now_ns`: taken after the read.
  ReadVerdict ByLease(LogIndex applied, int64_t now_ns, const SupportReceived& received) const;
  // `confirmed` covers the round that the read joined.
  ReadVerdict ByConfirmation(LogIndex applied, const ConfirmedReads& confirmed) const;

 private:
  bool open_ = false;
  bool lease_ = false;
  Term term_;
  LogIndex read_index_;
  size_t needed_ = 0;
  std::vector<RecordedSupport> recorded_;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_READ_GATE_H_
