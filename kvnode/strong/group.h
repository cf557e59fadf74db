// SPDX-License-Identifier: Apache-2.0
//
// Group: one replica as the engine has it: the core, where its entries are, what is applied, and
// who waits for it. Plain data; the parts of the engine own the rules.
#ifndef METARING_KVNODE_STRONG_GROUP_H_
#define METARING_KVNODE_STRONG_GROUP_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "kvnode/raft/core.h"
#include "kvnode/state/machine.h"
#include "kvnode/strong/entries.h"
#include "kvnode/strong/group_record.h"
#include "kvnode/strong/read_table.h"

namespace metaring::strong {

using ProposeCallback = std::function<void(Result<state::TransactReply>)>;
using ReadCallback = std::function<void(Result<ReadTicket>)>;
using StatusCallback = std::function<void(Status)>;

struct Proposal {
  raft::LogIndex index;
  uint64_t bytes = 0;
  ProposeCallback done;
};

struct WaitingRead {
  ReadMode mode = ReadMode::kLease;
  raft::RoundId round;                            // that it joined; zero: none
  std::optional<raft::ConfirmedReads> confirmed;  // then it waits for its index to be applied
  ReadCallback done;
};

// Clients of a leader; null while there are none.
struct Waiting {
  raft::Term term;                 // all of it is of this leadership, and ends with it
  std::deque<Proposal> proposals;  // in the order of their indices
  uint64_t proposed_bytes = 0;
  std::vector<WaitingRead> reads;
  uint32_t read_ticks = 0;     // since the reads joined their round
  std::vector<NodeId> target;  // of SetVoters
};

// What applying needs to remember; may be dropped at any time between rounds.
struct ApplyCache {
  state::Machine machine;
  std::vector<KeyspaceId> keyspaces;  // ascending
  // Of a group that has no record in the store yet; goes there with the first one.
  std::optional<raft::ConfigurationEntry> initial;
};

// How much of what was applied is in the flushed store. A Txn's number is known to be flushed some
// time after. Two of them are watched, one that is under way and the last, so that the answer is
// late and never wrong, and complete when nothing more is applied.
struct FlushedIndex {
  bool known = false;        // the flushed store has a record of the group
  raft::LogIndex index;      // applied and flushed
  uint64_t watched_txn = 0;  // zero: none
  raft::LogIndex watched;    // what it applied up to
  uint64_t last_txn = 0;     // the last that applied something

  void Applied(uint64_t txn, raft::LogIndex applied) {
    if (watched_txn == 0) watched_txn = txn, watched = applied;
    last_txn = txn;
  }
  // `applied`: as of last_txn.
  void Flushed(uint64_t txn, raft::LogIndex applied) {
    if (watched_txn == 0 || watched_txn > txn) return;
    known = true;
    const bool all = last_txn <= txn;
    index = all ? applied : watched;
    watched = applied;
    watched_txn = all ? 0 : last_txn;
  }
};

struct Group {
  Group(const raft::Host& host, GroupId id, raft::WriteAck ack, raft::Restored restored)
      : core(host, id, ack, std::move(restored)), entries(core.log().base()), write_ack(ack) {}

  GroupId id() const { return core.group(); }
  bool Leads() const { return core.role() == raft::Role::kLeader; }

  raft::Core core;
  Entries entries;         // the same range as core.log(), but for what an input just changed
  raft::LogIndex commit;   // durable here and committed: may be applied
  raft::LogIndex applied;  // <= commit
  raft::Term applied_term;
  FlushedIndex flushed;    // flushed.index <= applied
  log::Lsn hard_state_at;  // at or before the last record of term and vote
  log::Lsn void_before;    // GroupRecord::void_before
  raft::RepairId damage;   // the last
  std::unique_ptr<Waiting> waiting;
  std::unique_ptr<ApplyCache> cache;
  raft::WriteAck write_ack;
  bool touched = false;     // it is in Shared::touched
  bool ticking = false;     // it is in Shared::ticking
  bool to_apply = false;    // it is in the applier's queue
  bool record_due = false;  // its GroupRecord is to be written although nothing is applied
  bool erasing = false;     // its data is nobody's state now
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_GROUP_H_
