// SPDX-License-Identifier: Apache-2.0
//
// What an engine is told once, and what it tells of itself.
#ifndef METARING_KVNODE_STRONG_OPTIONS_H_
#define METARING_KVNODE_STRONG_OPTIONS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "kvnode/raft/core.h"

namespace metaring::strong {

// Bounds are of the whole engine, unless they say otherwise.
struct EngineOptions {
  NodeId self;
  uint64_t seed = 0;  // of jitter: another one on each node
  raft::Options raft;
  raft::LeaseLimits lease;
  int64_t tick_ns = 100'000'000;  // below a quarter of lease_ns

  uint64_t payload_bytes_max = 64 << 20;      // of applied entries in memory, for followers
  size_t payloads_max = 1 << 20;              // their number
  uint64_t staged_bytes_max = 16 << 20;       // not yet durable; then proposals are refused
  uint64_t uncommitted_bytes_max = 16 << 20;  // of one group's leader; then its are
  uint64_t log_keep_bytes = 256 << 20;        // of applied entries in the log, for followers
  uint64_t apply_bytes_max = 4 << 20;         // in one round
  uint64_t read_back_bytes_max = 4 << 20;     // from the log in one round
  size_t truncation_groups_max = 256;         // looked at in one round

  uint32_t snapshots_max = 2;                        // sent at a time, and received at a time
  uint64_t snapshot_bytes_max = uint64_t{64} << 30;  // of one, in the spool
  uint64_t install_bytes_max = 4 << 20;              // in one Txn of an installation
};

struct MemberStatus {
  NodeId node;
  raft::MemberRole role = raft::MemberRole::kVoter;
  bool in_sync = true;
  // Known to the leader alone.
  raft::LogIndex match;
  raft::ProgressState state = raft::ProgressState::kProbe;
  bool reachable = true;
};

struct GroupStatus {
  GroupId group;
  raft::Role role = raft::Role::kFollower;
  raft::Term term;
  NodeId leader;            // zero: not known
  raft::LogIndex log_base;  // the last entry that the log no longer has
  raft::LogIndex last_index;
  raft::LogIndex commit_index;
  raft::LogIndex applied_index;
  bool damaged = false;
  bool installing = false;  // a snapshot; nothing can be read here meanwhile
  std::vector<MemberStatus> members;
  std::vector<NodeId> target;  // of SetVoters, until it is reached; empty: none
};

struct EngineCounters {
  uint64_t rounds = 0;
  uint64_t messages_received = 0;  // PeerMessages
  uint64_t messages_sent = 0;
  uint64_t messages_refused = 0;       // not sane, or of a group that is not here
  std::array<uint64_t, 16> dropped{};  // by raft::Dropped
  uint64_t proposals = 0;
  uint64_t entries_applied = 0;
  uint64_t applies = 0;            // Txns
  uint64_t entries_read_back = 0;  // from the log
  uint64_t records_rewritten = 0;  // so that the log could be truncated
  uint64_t snapshots_sent = 0;
  uint64_t snapshots_installed = 0;
  uint64_t snapshots_refused = 0;
  uint64_t damages = 0;
  uint64_t repairs = 0;
  uint64_t heartbeats_sent = 0;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_OPTIONS_H_
