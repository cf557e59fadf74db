// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/read_table.h"

#include <algorithm>
#include <utility>

namespace metaring::strong {

using raft::LogIndex;
using raft::ReadVerdict;

ReadTable::ReadTable(const Clock& clock, const raft::LeaseLimits& limits)
    : clock_(clock), support_(std::make_shared<const raft::SupportReceived>(limits)) {}

std::optional<ReadTable::Published> ReadTable::Find(GroupId group) const {
  const Shard& shard = ShardOf(group);
  MutexLock lock(shard.mutex);
  const auto at = shard.groups.find(group);
  if (at == shard.groups.end()) return std::nullopt;
  return at->second;
}

std::shared_ptr<const raft::SupportReceived> ReadTable::Support() const {
  MutexLock lock(support_mutex_);
  return support_;
}

LogIndex ReadTable::Applied(GroupId group) const {
  const auto published = Find(group);
  return published ? published->applied : LogIndex();
}

NodeId ReadTable::Leader(GroupId group) const {
  const auto published = Find(group);
  return published ? published->leader : NodeId();
}

ReadVerdict ReadTable::Judge(const ReadTicket& ticket, LogIndex applied) const {
  // The time first: a gate that is found later and still stands, stood then.
  const int64_t now_ns = clock_.MonotonicNanos();
  const auto published = Find(ticket.group);
  if (!published) return ReadVerdict::kNotLeader;
  if (ticket.mode == ReadMode::kStale) {
    return published->applied < applied || applied == LogIndex() ? ReadVerdict::kBehind
                                                                 : ReadVerdict::kServe;
  }
  if (!published->gate) return ReadVerdict::kNotLeader;
  if (ticket.mode == ReadMode::kReadIndex) {
    return published->gate->ByConfirmation(applied, ticket.confirmed);
  }
  return published->gate->ByLease(applied, now_ns, *Support());
}

void ReadTable::PublishGate(GroupId group, raft::ReadGate gate, NodeId leader) {
  auto shared = gate.open() ? std::make_shared<const raft::ReadGate>(std::move(gate)) : nullptr;
  Shard& shard = ShardOf(group);
  MutexLock lock(shard.mutex);
  Published& published = shard.groups[group];
  std::swap(published.gate, shared);
  published.leader = leader;
}

void ReadTable::PublishApplied(GroupId group, LogIndex applied) {
  Shard& shard = ShardOf(group);
  MutexLock lock(shard.mutex);
  shard.groups[group].applied = applied;
}

void ReadTable::Close(GroupId group) {
  Shard& shard = ShardOf(group);
  MutexLock lock(shard.mutex);
  Published& published = shard.groups[group];
  published.gate = nullptr;
  published.applied = LogIndex();
}

void ReadTable::Forget(GroupId group) {
  Shard& shard = ShardOf(group);
  MutexLock lock(shard.mutex);
  shard.groups.erase(group);
}

void ReadTable::PublishSupport(const raft::SupportReceived& received) {
  auto shared = std::make_shared<const raft::SupportReceived>(received);
  MutexLock lock(support_mutex_);
  std::swap(support_, shared);
}

}  // namespace metaring::strong
