// SPDX-License-Identifier: Apache-2.0
//
// The sharded hash map behind InodeTable.
#include "fusefs/cache/inode_table.h"

namespace metaring::fusefs {

InodeTable::InodeTable() {
  Remember({kRootIno, Place{kRootIno, ""}, true});
}

void InodeTable::Remember(const InodeRef& ref) {
  Shard& s = shard(ref.ino);
  MutexLock lock(s.mutex);
  auto [it, fresh] = s.entries.try_emplace(ref.ino);
  Entry& entry = it->second;
  ++entry.references;
  entry.directory = ref.directory;
  if (fresh) entry.place = ref.place;
}

void InodeTable::Forget(Ino ino, uint64_t count) {
  if (ino == kRootIno) return;
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  if (it == s.entries.end()) return;
  if (it->second.references > count) {
    it->second.references -= count;
    return;
  }
  s.entries.erase(it);
  s.erased.erase(ino);
}

std::optional<InodeRef> InodeTable::Find(Ino ino) const {
  const Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  if (it == s.entries.end()) return std::nullopt;
  return InodeRef{ino, it->second.place, it->second.directory};
}

void InodeTable::Move(Ino ino, const Place& place) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  if (it != s.entries.end() && !it->second.place.own()) it->second.place = place;
}

void InodeTable::MarkErased(Ino ino, const Inode& last) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  if (!s.entries.contains(ino)) return;
  auto kept = std::make_unique<Inode>(last);
  kept->nlink = 0;
  s.erased[ino] = std::move(kept);
}

std::optional<Inode> InodeTable::FindErased(Ino ino) const {
  const Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.erased.find(ino);
  if (it == s.erased.end()) return std::nullopt;
  return *it->second;
}

size_t InodeTable::size() const {
  size_t total = 0;
  for (const Shard& s : shards_) {
    MutexLock lock(s.mutex);
    total += s.entries.size();
  }
  return total;
}

}  // namespace metaring::fusefs
