// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/read_cache.h"

namespace metaring::client {

std::optional<ReadCache::MaybeRecord> ReadCache::Find(ByteView key) {
  if (!enabled()) return std::nullopt;
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  if (found->second->until_nanos <= clock_.MonotonicNanos()) {
    Erase(found->second);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->record;
}

ReadCache::Ticket ReadCache::Begin(ByteView key) const {
  if (!enabled()) return {};
  const MutexLock lock(mutex_);
  return {writes_[ShareOf(key)], clock_.MonotonicNanos()};
}

void ReadCache::Keep(const Ticket& ticket, ByteView key, const MaybeRecord& record) {
  if (!enabled()) return;
  const MutexLock lock(mutex_);
  if (ticket.writes != writes_[ShareOf(key)]) return;
  if (const auto found = by_key_.find(key); found != by_key_.end()) Erase(found->second);
  const int64_t ttl_nanos = std::chrono::nanoseconds(options_.ttl).count();
  Entry entry{Bytes(key), record, ticket.began_nanos + ttl_nanos};
  if (entry.cost() > options_.bytes_max / 4) return;  // it would drive out too much
  bytes_ += entry.cost();
  entries_.push_front(std::move(entry));
  by_key_.emplace(entries_.front().key, entries_.begin());
  while (bytes_ > options_.bytes_max) Erase(std::prev(entries_.end()));
}

void ReadCache::Drop(ByteView key) {
  if (!enabled()) return;
  const MutexLock lock(mutex_);
  ++writes_[ShareOf(key)];
  if (const auto found = by_key_.find(key); found != by_key_.end()) Erase(found->second);
}

size_t ReadCache::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

void ReadCache::Erase(Entries::iterator entry) {
  bytes_ -= entry->cost();
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace metaring::client
