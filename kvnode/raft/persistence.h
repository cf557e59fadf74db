// SPDX-License-Identifier: Apache-2.0
//
// Persistence: what of one core's state is on disk, while writes are under way.
//
// Writes finish in their order, and each says how far the log went when it began. A truncation
// makes what earlier writes say about the entries behind it untrue, even when equal entries come
// again (index and term do not tell them apart: the second copy may not be on disk yet). So their
// claims are capped until the truncation's own write is done.
#ifndef METARING_KVNODE_RAFT_PERSISTENCE_H_
#define METARING_KVNODE_RAFT_PERSISTENCE_H_

#include <algorithm>
#include <cstdint>

#include "kvnode/raft/ids.h"
#include "kvnode/raft/output.h"

namespace metaring::raft {

// One caller. Invariant: durable_index() <= the log's last index.
class Persistence {
 public:
  explicit Persistence(LogIndex durable) : durable_(durable) {}

  // The log is durable up to here.
  LogIndex durable_index() const { return durable_; }
  bool HardStateDurable() const { return done_ >= hard_state_; }

  // The next write will carry a new term or vote.
  void HardStateChanged() { hard_state_ = next_; }
  // The next write will remove `from` and what is behind it.
  void Truncated(LogIndex from) {
    const LogIndex before = Previous(from);
    cap_ = done_ < truncation_ ? std::min(cap_, before) : before;
    truncation_ = next_;
    durable_ = std::min(durable_, before);
  }
  // The log was replaced by a snapshot up to `index`; earlier writes say nothing about it.
  void Replaced(LogIndex index) {
    cap_ = index;
    truncation_ = next_;
    durable_ = index;
  }

  // A write begins.
  PersistToken Begin(LogIndex last) { return {next_++, last}; }
  // It, and all before it, are on disk.
  void Done(const PersistToken& token) {
    const LogIndex claim =
        token.id < truncation_ ? std::min(token.last_index, cap_) : token.last_index;
    durable_ = std::max(durable_, claim);
    done_ = std::max(done_, token.id);
  }

 private:
  LogIndex durable_;
  LogIndex cap_;             // what writes before `truncation_` may claim
  uint64_t next_ = 1;        // the id of the next write
  uint64_t done_ = 0;        // the highest id that is on disk
  uint64_t hard_state_ = 0;  // the id that carries the current hard state
  uint64_t truncation_ = 0;  // the id that carries the last truncation
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_PERSISTENCE_H_
