// SPDX-License-Identifier: Apache-2.0
//
// Output: what the driver of a core has to do. Plain data.
//
// The order within one output is the driver's contract:
//   1. publish Core::Gate(), before anything of this output leaves the node: an output can have
//      ended the lease that others still read by (read_gate.h);
//   2. queue `persist` for the log, in the order of outputs. When it is on disk, which is hard
//   state,
//      truncation and entries, call Core::Persisted in the engine's thread; of several that one
//      fsync covers, the last token is enough. A failed write ends the process (pitfall 7);
//   3. without waiting for that, send `messages` and `appends`, apply to `commit_index`, and do the
//      rest. What promises durability is in no output before Persisted was called (pitfall 5), so
//      there is nothing to hold back.
// Clients are answered when their entry is applied.
#ifndef METARING_KVNODE_RAFT_OUTPUT_H_
#define METARING_KVNODE_RAFT_OUTPUT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "kvnode/raft/configuration.h"
#include "kvnode/raft/ids.h"
#include "kvnode/raft/message.h"
#include "kvnode/raft/read_gate.h"

namespace metaring::raft {

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

struct HardState {
  Term term;
  NodeId vote;  // in this term; zero: none
  friend bool operator==(const HardState&, const HardState&) = default;
};

// Says how far a write goes; the driver hands it back.
struct PersistToken {
  uint64_t id = 0;  // grows by one with each
  LogIndex last_index;
};

struct Persist {
  PersistToken token;
  std::optional<HardState> hard_state;
  // Entries from here on go first. They were never committed.
  std::optional<LogIndex> truncate_from;
  // Worth remembering, never worth a write of its own: a restart then knows more.
  LogIndex commit;
  // Entries (append_after, append_to] of the driver's, to write; none when equal.
  LogIndex append_after;
  LogIndex append_to;
};

// "Send these entries to Message::to." The driver reads the payloads of a prefix of at least one
// entry and at most `bytes_max` (or that one entry), cuts the message's LogView to it, sends it and
// calls Core::Sent. Until then this member gets no other entries, so a driver that is short of
// anything just waits. It stands while the core leads in the message's term; else drop it.
struct AppendOrder {
  Message message;  // with an AppendRequest
  uint64_t bytes_max = 0;
};

// The first of one or more new entries of a leader. An entry was done when one of this term is
// applied at its index; it was surely not done, and never will be, when one of another term is. If
// the leadership ends before either is seen, its outcome is unknown.
struct Proposed {
  LogIndex index;
  Term term;
};

struct Output {
  std::optional<Persist> persist;
  std::vector<Message> messages;
  std::vector<AppendOrder> appends;
  // Members that need what the log no longer has: send a snapshot of the applied state (its bytes,
  // then an InstallSnapshot in the term that the core then leads in), then call Core::SnapshotSent,
  // also when it failed: that asks for another at once, so wait before it.
  std::vector<NodeId> snapshots;
  // Apply up to here. At most what is durable in this log, so no state is ever ahead of its log.
  // Falls only when a damage was reported.
  LogIndex commit_index;
  // The new leader's own entry: empty, in the driver's encoding, to be staged.
  std::optional<Proposed> no_op;
  std::optional<ConfirmedReads> reads;
  // Install this snapshot, whole or not at all, and drop the log, as a record behind all that is
  // queued; when both are durable, Core::SnapshotInstalled, else SnapshotRefused. Apply nothing
  // meanwhile. See Restored::log for a crash between the two.
  std::optional<InstallSnapshot> install;
  // Under WriteAck::kAllInSync: what the leader would like; the driver proposes it, or waits.
  std::optional<Configuration> wanted_configuration;
  // The log holds again all that was lost: make that durable, so that a restart knows it.
  bool repaired = false;
  // Role, term or leader are new.
  bool role_changed = false;
};

}  // namespace metaring::raft

#endif  // METARING_KVNODE_RAFT_OUTPUT_H_
