// SPDX-License-Identifier: Apache-2.0
//
// OpenCounts over sharded maps; a removal is a flag in the inode's entry.
#include "fusefs/cache/open_counts.h"

namespace metaring::fusefs {

Status OpenCounts::AwaitNoRemoval(Shard& s, Ino ino) {
  const auto deadline = std::chrono::steady_clock::now() + wait_max_;
  for (;;) {
    const auto it = s.entries.find(ino);
    if (it == s.entries.end() || !it->second.removing) return {};
    if (fiber::Cancelled()) return Fail(ErrorCode::kCancelled, "cancelled while it waited");
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) {
      return Fail(ErrorCode::kDeadlineExceeded, "a removal of the file did not end in time");
    }
    s.removal_ended.WaitFor(s.mutex, left);
  }
}

Status OpenCounts::Open(Ino ino) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  RETURN_IF_ERROR(AwaitNoRemoval(s, ino));
  Entry& entry = s.entries[ino];
  if (entry.reclaiming) return Fail(ErrorCode::kNotFound, "unlinked, and closed by its last user");
  ++entry.handles;
  return {};
}

bool OpenCounts::Settle(Shard& s, Ino ino) {
  const auto it = s.entries.find(ino);
  if (it == s.entries.end() || !it->second.Unused() || it->second.reclaiming) return false;
  if (!it->second.orphan) {
    s.entries.erase(it);
    return false;
  }
  it->second.reclaiming = true;
  return true;
}

void OpenCounts::Reclaimed(Ino ino) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  if (it != s.entries.end() && it->second.reclaiming) s.entries.erase(it);
}

bool OpenCounts::Close(Ino ino) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  if (it == s.entries.end() || it->second.handles == 0) return false;
  --it->second.handles;
  return Settle(s, ino);
}

Result<bool> OpenCounts::BeginRemoval(Ino ino) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  RETURN_IF_ERROR(AwaitNoRemoval(s, ino));
  Entry& entry = s.entries[ino];
  entry.removing = true;
  return entry.handles > 0;
}

bool OpenCounts::EndRemoval(Ino ino, bool orphaned) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  if (it == s.entries.end()) return false;
  Entry& entry = it->second;
  entry.removing = false;
  entry.orphan = entry.orphan || orphaned;
  s.removal_ended.NotifyAll();
  return Settle(s, ino);
}

bool OpenCounts::IsOrphan(Ino ino) const {
  const Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  return it != s.entries.end() && it->second.orphan;
}

size_t OpenCounts::open_inodes() const {
  size_t total = 0;
  for (const Shard& s : shards_) {
    MutexLock lock(s.mutex);
    for (const auto& [ino, entry] : s.entries) total += entry.handles > 0 ? 1 : 0;
  }
  return total;
}

}  // namespace metaring::fusefs
