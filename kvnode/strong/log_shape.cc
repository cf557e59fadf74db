// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/log_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kvnode/base/logging.h"

namespace metaring::strong {
namespace {

using raft::LogIndex;

// Of one history: a later term, or the vote that came later in the same.
raft::HardState Newer(const raft::HardState& a, const raft::HardState& b) {
  if (a.term != b.term) return a.term > b.term ? a : b;
  return a.vote != NodeId() ? a : b;
}

void CutFrom(RecoveredGroup& group, LogIndex from) {
  if (from > group.last()) return;
  const uint64_t kept = from > group.base ? from.value() - group.base.value() - 1 : 0;
  group.entries.resize(kept);
  std::erase_if(group.later, [&](const raft::ConfigurationEntry& e) { return e.index >= from; });
}

void DropEntries(RecoveredGroup& group, LogIndex base, raft::Term base_term) {
  group.entries.clear();
  group.later.clear();
  group.base = base;
  group.base_term = base_term;
}

// Lets go of entries up to `index`, which has to be one of them or the base.
void DropUpTo(RecoveredGroup& group, LogIndex index) {
  if (index <= group.base) return;
  const auto count = static_cast<std::ptrdiff_t>(index.value() - group.base.value());
  group.base_term = group.entries[static_cast<size_t>(count) - 1].term;
  group.entries.erase(group.entries.begin(), group.entries.begin() + count);
  group.base = index;
}

}  // namespace

Status LogShape::Visit(const log::Record& record) {
  const auto type = static_cast<RecordType>(record.type);
  if (type < RecordType::kEntry || type > RecordType::kNode) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("the log has records of type {}, which are of another form or version",
                            record.type));
  }
  if (type == RecordType::kNode) return VisitNode(record);
  const auto at = groups_.find(record.group);
  const bool known = at != groups_.end();
  // What the store says of the group is later than this.
  if (known && record.begin < at->second.record.void_before) return {};
  if (type == RecordType::kCreated) return VisitCreated(record);
  if (!known) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("the log has records of group {:#x}, which the store has never heard "
                            "of: they do not belong together",
                            record.group.value()));
  }
  return VisitGroup(record, at->second);
}

Status LogShape::VisitNode(const log::Record& record) {
  ASSIGN_OR_RETURN(const NodeRecord node, DecodeNode(record.payload));
  node_.incarnation = std::max(node_.incarnation, node.incarnation);
  node_.support = std::max(node_.support, node.support);
  node_at_ = record.begin;
  return {};
}

Status LogShape::VisitCreated(const log::Record& record) {
  ASSIGN_OR_RETURN(CreatedRecord created, DecodeCreated(record.payload));
  RecoveredGroup group;
  group.record.write_ack = created.write_ack;
  group.record.hard_state = created.hard_state;
  group.record.damage = created.damage;
  group.record.void_before = record.end;
  group.configuration.configuration = std::move(created.configuration);
  group.hard_state_at = record.begin;
  groups_.insert_or_assign(record.group, std::move(group));
  broken_.erase(record.group);
  return {};
}

Status LogShape::VisitGroup(const log::Record& record, RecoveredGroup& group) {
  switch (static_cast<RecordType>(record.type)) {
    case RecordType::kEntry:
      VisitEntry(record, group);
      return {};
    case RecordType::kHardState: {
      // A vote that cannot be read cannot be given again: the node must not come back with it.
      ASSIGN_OR_RETURN(const HardStateRecord read, DecodeHardState(record.payload));
      group.record.hard_state = Newer(group.record.hard_state, read.hard_state);
      group.commit = std::max(group.commit, read.commit);
      group.hard_state_at = record.begin;
      return {};
    }
    case RecordType::kTruncated: {
      const auto from = DecodeTruncated(record.payload);
      if (from) CutFrom(group, *from);
      if (!from) broken_[record.group] = from.error().message;
      return {};
    }
    case RecordType::kDamaged:
      return VisitDamaged(record, group);
    case RecordType::kRepaired: {
      ASSIGN_OR_RETURN(const raft::RepairId repaired, DecodeRepaired(record.payload));
      if (repaired == group.record.damage) group.record.damaged = false;
      return {};
    }
    case RecordType::kDestroyed:
      group.record.state = GroupState::kRemoved;
      group.record.void_before = record.end;
      group.erase = true;
      return {};
    default:
      return {};
  }
}

void LogShape::VisitEntry(const log::Record& record, RecoveredGroup& group) {
  if (broken_.contains(record.group)) return;
  const auto entry = DecodeEntry(record.payload);
  if (!entry) {
    broken_[record.group] = entry.error().message;
    return;
  }
  if (group.entries.empty() || entry->index <= group.base) {
    DropEntries(group, raft::Previous(entry->index), raft::Term());
  }
  CutFrom(group, entry->index);
  if (entry->index != raft::Next(group.last())) {
    broken_[record.group] =
        fmt::format("entry {} follows entry {}", entry->index.value(), group.last().value());
    return;
  }
  if (!group.entries.empty() && entry->term < group.entries.back().term) {
    broken_[record.group] = "the term of an entry is below that of the one before";
    return;
  }
  if (entry->kind == EntryKind::kConfiguration) {
    auto configuration = DecodeConfiguration(entry->payload);
    if (!configuration) {
      broken_[record.group] = configuration.error().message;
      return;
    }
    group.later.push_back({entry->index, std::move(*configuration)});
  }
  group.entries.push_back({entry->kind, entry->term, record.begin,
                           static_cast<uint32_t>(entry->payload.size()), nullptr});
  group.commit = std::max(group.commit, entry->commit);
}

Status LogShape::VisitDamaged(const log::Record& record, RecoveredGroup& group) {
  ASSIGN_OR_RETURN(const DamagedRecord damaged, DecodeDamaged(record.payload));
  broken_.erase(record.group);
  CutFrom(group, damaged.first_lost);
  // Of one that the store knows, it also knows whether it is repaired.
  if (damaged.damage > group.record.damage) {
    group.record.damage = damaged.damage;
    group.record.damaged = true;
  }
  return {};
}

Status LogShape::Finish(log::Lsn log_end) {
  for (auto& [id, group] : groups_) {
    if (group.record.state == GroupState::kNormal) RETURN_IF_ERROR(Finish(id, group, log_end));
  }
  return {};
}

Status LogShape::Finish(GroupId id, RecoveredGroup& group, log::Lsn log_end) {
  const LogIndex applied = group.record.applied;
  const raft::Term applied_term = group.record.applied_term;
  if (group.hard_state_at == log::Lsn()) group.hard_state_at = log_end;
  std::string why;
  if (const auto at = broken_.find(id); at != broken_.end()) why = at->second;
  if (group.entries.empty() || group.last() < applied) {
    // Everything that the log had was applied and let go.
    DropEntries(group, applied, applied_term);
  } else if (group.base > applied) {
    why = fmt::format("entries behind {} are missing", applied.value());
    DropEntries(group, applied, applied_term);
  } else if (group.base == applied) {
    group.base_term = applied_term;
  } else if (group.entries[applied.value() - group.base.value() - 1].term != applied_term) {
    why = fmt::format("entry {} is not the one that was applied", applied.value());
    DropEntries(group, applied, applied_term);
  } else {
    // The term before the first entry is gone with its record, so the first becomes the base.
    DropUpTo(group, raft::Next(group.base));
  }
  group.commit = std::clamp(group.commit, applied, std::max(applied, group.last()));
  if (!why.empty()) {
    CutFrom(group, raft::Next(group.commit));
    group.record.damage = raft::RepairId(group.record.damage.value() + 1);
    group.record.damaged = group.damage_is_new = true;
    LogWarn("strong", "group {:#x} has lost a part of its log and waits for repair: {}", id.value(),
            why);
  }
  const raft::Term last_term = group.entries.empty() ? group.base_term : group.entries.back().term;
  if (group.record.hard_state.term < last_term) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("group {:#x} has an entry of term {} but a vote of term {}", id.value(),
                            last_term.value(), group.record.hard_state.term.value()));
  }
  return {};
}

}  // namespace metaring::strong
