// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/truncation.h"

#include <algorithm>

namespace metaring::strong {
namespace {

using raft::LogIndex;

// A pass costs a look at each group, so the log grows by a part of what it keeps between two.
constexpr uint64_t kStepDivisor = 8;

// The last entry that lies before the target; the base when none does. Places grow with indices.
LogIndex LastBefore(const Entries& entries, log::Lsn target) {
  LogIndex low = entries.base();
  LogIndex high = entries.last();
  while (low < high) {
    const LogIndex middle(high.value() - (high.value() - low.value()) / 2);
    const Entries::Slot* const slot = entries.Find(middle);
    if (slot->placed && slot->position < target) {
      low = middle;
    } else {
      high = raft::Previous(middle);
    }
  }
  return low;
}

}  // namespace

bool Truncator::Due() const {
  const uint64_t keep = shared_.options.log_keep_bytes;
  const uint64_t size = shared_.stage.end().value() - shared_.world.log.begin().value();
  return size > keep + keep / kStepDivisor;
}

// Asks for a flush of what was applied by now, once. Always false: not yet.
bool Truncator::AwaitFlush() {
  if (flush_asked_ != shared_.store_txns) shared_.world.store_flusher.Flush();
  flush_asked_ = shared_.store_txns;
  return false;
}

bool Truncator::ReleaseEntries(Group& group) {
  const LogIndex old = LastBefore(group.entries, target_);
  shared_.Compact(group, std::min(old, group.flushed.index));
  if (old <= group.entries.base()) return true;
  if (group.flushed.index < group.applied) return AwaitFlush();
  // What is left is not applied, and may wait long for its majority.
  const LogIndex first = raft::Next(group.entries.base());
  shared_.counters.records_rewritten += group.entries.size();
  replication_.StageEntries(group, first);
  return true;
}

bool Truncator::Release(Group& group) {
  if (group.erasing) return false;
  if (!group.flushed.known) return AwaitFlush();
  if (!ReleaseEntries(group)) return false;
  if (group.hard_state_at < target_) {
    replication_.StageFacts(group);
    ++shared_.counters.records_rewritten;
  }
  const bool rests = group.entries.size() == 0 && !group.to_apply && !group.waiting;
  if (rests && group.cache && !group.cache->initial) group.cache.reset();
  return true;
}

void Truncator::Finish() {
  if (shared_.node_at < target_) {
    shared_.node_at = shared_.stage.end();
    shared_.stage.Add(GroupId(), RecordType::kNode, EncodeNode(shared_.node));
    ++shared_.counters.records_rewritten;
  }
  stage_ = Stage::kWriting;
  shared_.stage.Mark([this] {
    shared_.world.log_writer.TruncateBefore(target_);
    stage_ = Stage::kIdle;
  });
}

void Truncator::Run(bool blocked) {
  if (blocked || stage_ == Stage::kWriting || shared_.stage.Full()) return;
  if (stage_ == Stage::kIdle) {
    if (!Due()) return;
    stage_ = Stage::kScanning;
    target_ = log::Lsn(shared_.stage.end().value() - shared_.options.log_keep_bytes);
    next_ = GroupId();
  }
  size_t left = shared_.options.truncation_groups_max;
  auto at = shared_.groups.lower_bound(next_);
  for (; at != shared_.groups.end() && left > 0; ++at, --left) {
    next_ = at->first;
    if (!Release(at->second)) return;
  }
  if (at == shared_.groups.end()) return Finish();
  next_ = at->first;
  shared_.Schedule();
}

}  // namespace metaring::strong
