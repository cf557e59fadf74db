// SPDX-License-Identifier: Apache-2.0
//
// Recovery: what log and store say of each group when a node starts.
//
// The log is read twice. First for its shape: which records stand, where, and what is known to be
// committed. Then for its entries: what is committed is applied, in log order and in batches, and
// what is not stays in memory, where its leader or its followers may want it. A replica's own
// damage (a record that does not decode, a gap) costs it its vote until it is repaired; damage of
// the node as a whole (records of a group that the store has never heard of) is refused.
#ifndef METARING_KVNODE_STRONG_RECOVERY_H_
#define METARING_KVNODE_STRONG_RECOVERY_H_

#include <map>
#include <memory>
#include <vector>

#include "kvnode/log/log.h"
#include "kvnode/store/store.h"
#include "kvnode/strong/group.h"
#include "kvnode/strong/record_codec.h"

namespace metaring::strong {

struct RecoveredEntry {
  EntryKind kind = EntryKind::kNoOp;
  raft::Term term;
  log::Lsn position;
  uint32_t bytes = 0;
  std::shared_ptr<const Bytes> payload;  // of what is not applied; else null
};

struct RecoveredGroup {
  GroupRecord record;      // applied: as of the store now; the rest: as of store and log
  raft::LogIndex flushed;  // applied in the store as it was found
  bool in_store = false;   // it had a record there, as it was found
  bool recorded = false;   // it has one now
  bool erase = false;      // its data is nobody's state and has to go
  raft::ConfigurationEntry configuration;  // applied
  raft::LogIndex base;                     // the entry before the first of `entries`
  raft::Term base_term;
  std::vector<RecoveredEntry> entries;
  std::vector<raft::ConfigurationEntry> later;  // in `entries`, oldest first
  raft::LogIndex commit;
  log::Lsn hard_state_at;      // of the last record of it; the log's end: the store has it
  bool damage_is_new = false;  // record.damage is to be logged

  raft::LogIndex last() const { return raft::LogIndex(base.value() + entries.size()); }
  raft::Restored ToRestored() const;
};

struct Recovered {
  std::map<GroupId, RecoveredGroup> groups;  // that are here
  NodeRecord node;
  log::Lsn node_at;
};

// Leaves the store with everything applied that is known to be committed, and with no group half
// erased. Nothing may be appended to the log before.
Result<Recovered> Recover(log::Log& log, store::Store& store);

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_RECOVERY_H_
