// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/recovery.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "kvnode/base/logging.h"
#include "kvnode/strong/apply.h"
#include "kvnode/strong/group_data.h"
#include "kvnode/strong/log_shape.h"

namespace metaring::strong {
namespace {

using raft::LogIndex;

constexpr uint64_t kTxnBytes = 4 << 20;

Result<std::map<GroupId, RecoveredGroup>> ReadStore(const store::Store& store) {
  ASSIGN_OR_RETURN(const auto view, store.NewView());
  ASSIGN_OR_RETURN(const std::vector<GroupId> ids, ListGroups(*view));
  std::map<GroupId, RecoveredGroup> groups;
  for (const GroupId id : ids) {
    RecoveredGroup group;
    ASSIGN_OR_RETURN(const auto record, ReadGroupRecord(*view, id));
    group.record = *record;
    group.in_store = group.recorded = true;
    group.erase = record->state == GroupState::kErasing;
    group.base = group.flushed = group.commit = record->applied;
    group.base_term = record->applied_term;
    ASSIGN_OR_RETURN(group.configuration, ReadAppliedConfiguration(*view, id));
    groups.emplace(id, std::move(group));
  }
  return groups;
}

// Ends what a crash left half done: the data goes, and what is left is a replica that has nothing
// and knows that it once had, or the mark of one that was removed.
Status FinishErasing(store::Store& store, GroupId id, RecoveredGroup& group, log::Lsn log_end) {
  for (bool done = false; !done;) {
    ASSIGN_OR_RETURN(const auto txn, store.Begin());
    ASSIGN_OR_RETURN(done, EraseSome(*txn, id, kTxnBytes));
    if (done) {
      GroupRecord& record = group.record;
      if (record.state == GroupState::kErasing) record.state = GroupState::kNormal;
      record.applied = LogIndex();
      record.applied_term = raft::Term();
      record.void_before = log_end;
      PutGroupRecord(*txn, id, record);
    }
    txn->Commit(store.applied() + 1);
  }
  GroupRecord record = group.record;
  group = {};
  group.record = record;
  group.in_store = group.recorded = true;
  group.hard_state_at = log_end;
  return {};
}

Status FinishErasures(store::Store& store, std::map<GroupId, RecoveredGroup>& groups,
                      log::Lsn log_end) {
  bool any = false;
  for (auto& [id, group] : groups) {
    if (!group.erase) continue;
    RETURN_IF_ERROR(FinishErasing(store, id, group, log_end));
    any = true;
  }
  // Entries that come from now on must find the record that they count from.
  return any ? store.Flush() : Status();
}

// The second reading.
class EntryReader {
 public:
  EntryReader(store::Store& store, std::map<GroupId, RecoveredGroup>& groups)
      : store_(store), groups_(groups) {}

  Status Visit(const log::Record& record) {
    if (record.type != static_cast<uint8_t>(RecordType::kEntry)) return {};
    const auto at = groups_.find(record.group);
    if (at == groups_.end()) return {};
    RecoveredGroup& group = at->second;
    const auto entry = DecodeEntry(record.payload);
    if (!entry || entry->index <= group.record.applied || entry->index > group.last()) return {};
    RecoveredEntry& stands = group.entries[entry->index.value() - group.base.value() - 1];
    if (stands.position != record.begin) return {};
    if (entry->index > group.commit) {
      stands.payload = std::make_shared<const Bytes>(entry->payload);
      return {};
    }
    return Apply(record.group, group, *entry);
  }

  Status Finish() {
    if (!txn_) return {};
    for (const GroupId id : changed_) {
      RecoveredGroup& group = groups_.at(id);
      PutGroupRecord(*txn_, id, group.record);
    }
    changed_.clear();
    txn_->Commit(store_.applied() + 1);
    txn_.reset();
    bytes_ = 0;
    return {};
  }

  uint64_t applied() const { return applied_; }

 private:
  Status Apply(GroupId id, RecoveredGroup& group, const EntryRecord& entry) {
    if (!txn_) {
      ASSIGN_OR_RETURN(txn_, store_.Begin());
    }
    const auto [cache, fresh] = caches_.try_emplace(id);
    if (fresh) {
      ASSIGN_OR_RETURN(cache->second.keyspaces, ReadKeyspaces(*txn_, id));
      // Once it has a record, the log is not asked any more for how the group began.
      if (!group.recorded) PutAppliedConfiguration(*txn_, id, group.configuration);
      group.recorded = true;
    }
    const auto reply = ApplyEntry(*txn_, id, cache->second, entry.index, entry.kind, entry.payload);
    if (!reply && reply.error().code == ErrorCode::kIo) return Fail(reply.error());
    group.record.applied = entry.index;
    group.record.applied_term = entry.term;
    changed_.insert(id);
    ++applied_;
    bytes_ += entry.payload.size();
    return bytes_ >= kTxnBytes ? Finish() : Status();
  }

  store::Store& store_;
  std::map<GroupId, RecoveredGroup>& groups_;
  std::map<GroupId, ApplyCache> caches_;
  std::unique_ptr<store::Txn> txn_;
  std::set<GroupId> changed_;  // in the open Txn
  uint64_t bytes_ = 0;         // in it
  uint64_t applied_ = 0;
};

Status ReadConfigurations(const store::Store& store, std::map<GroupId, RecoveredGroup>& groups) {
  ASSIGN_OR_RETURN(const auto view, store.NewView());
  for (auto& [id, group] : groups) {
    ASSIGN_OR_RETURN(raft::ConfigurationEntry applied, ReadAppliedConfiguration(*view, id));
    // A created group has its first one from the log until the store has a later one.
    if (!applied.configuration.members().empty()) group.configuration = std::move(applied);
    std::erase_if(group.later, [&configuration = group.configuration](const auto& entry) {
      return entry.index <= configuration.index;
    });
  }
  return {};
}

}  // namespace

raft::Restored RecoveredGroup::ToRestored() const {
  raft::Restored restored;
  restored.hard_state = record.hard_state;
  restored.log = raft::LogView(base, base_term);
  for (size_t i = 0; i < entries.size(); ++i) {
    restored.log.Append(LogIndex(base.value() + i + 1), entries[i].term);
  }
  restored.commit = commit;
  restored.configuration = configuration;
  restored.later = later;
  restored.damage = record.damage;
  restored.damaged = record.damaged;
  return restored;
}

Result<Recovered> Recover(log::Log& log, store::Store& store) {
  const log::Lsn log_end = log.durable();
  ASSIGN_OR_RETURN(auto found, ReadStore(store));
  LogShape shape(std::move(found));
  RETURN_IF_ERROR(log.Replay(
      log.begin(), [&](const log::Record& record) -> Status { return shape.Visit(record); }));
  RETURN_IF_ERROR(FinishErasures(store, shape.groups(), log_end));
  RETURN_IF_ERROR(shape.Finish(log_end));
  std::map<GroupId, RecoveredGroup>& groups = shape.groups();
  std::erase_if(groups,
                [](const auto& item) { return item.second.record.state == GroupState::kRemoved; });
  EntryReader reader(store, groups);
  RETURN_IF_ERROR(log.Replay(
      log.begin(), [&](const log::Record& record) -> Status { return reader.Visit(record); }));
  RETURN_IF_ERROR(reader.Finish());
  RETURN_IF_ERROR(ReadConfigurations(store, groups));
  if (reader.applied() > 0) LogInfo("strong", "applied {} entries of the log", reader.applied());
  return Recovered{std::move(groups), shape.node(), shape.node_at()};
}

}  // namespace metaring::strong
