// SPDX-License-Identifier: Apache-2.0
//
// OpenFiles over sharded maps. A shard's mutex may be held while a file's is taken, never the other
// way.
#include "fusefs/cache/open_files.h"

namespace metaring::fusefs {

OpenFiles::OpenFiles(FileStore& store, const Clock& clock, uint32_t block_bytes,
                     std::chrono::nanoseconds turn_wait_max)
    : context_{store, clock, block_bytes, turn_wait_max} {}

std::shared_ptr<OpenFile> OpenFiles::Acquire(const Node& node) {
  Shard& s = shard(node.inode.ino);
  MutexLock lock(s.mutex);
  Entry& entry = s.entries[node.inode.ino];
  if (!entry.file) {
    entry.file = std::make_shared<OpenFile>(context_, node);
    ++known_;
  }
  ++entry.writers;
  return entry.file;
}

void OpenFiles::Release(Ino ino) {
  Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  if (it == s.entries.end() || it->second.writers == 0) return;
  if (--it->second.writers > 0 || it->second.file->HasPending()) return;
  s.entries.erase(it);
  --known_;
}

std::shared_ptr<OpenFile> OpenFiles::Find(Ino ino) const {
  if (!AnyKnown()) return nullptr;
  const Shard& s = shard(ino);
  MutexLock lock(s.mutex);
  const auto it = s.entries.find(ino);
  return it == s.entries.end() ? nullptr : it->second.file;
}

void OpenFiles::Overlay(Inode& inode) const {
  if (const auto file = Find(inode.ino)) file->Overlay(inode);
}

std::vector<std::shared_ptr<OpenFile>> OpenFiles::PendingBefore(int64_t monotonic_nanos) const {
  std::vector<std::shared_ptr<OpenFile>> found;
  for (const Shard& s : shards_) {
    MutexLock lock(s.mutex);
    for (const auto& [ino, entry] : s.entries) {
      const auto since = entry.file->PendingSince();
      if (since && *since <= monotonic_nanos) found.push_back(entry.file);
    }
  }
  return found;
}

void OpenFiles::DropSettled() {
  for (Shard& s : shards_) {
    MutexLock lock(s.mutex);
    known_ -= std::erase_if(s.entries, [](const auto& item) {
      return item.second.writers == 0 && !item.second.file->HasPending();
    });
  }
}

bool OpenFiles::AnyPending() const {
  for (const Shard& s : shards_) {
    MutexLock lock(s.mutex);
    for (const auto& [ino, entry] : s.entries) {
      if (entry.file->HasPending()) return true;
    }
  }
  return false;
}

}  // namespace metaring::fusefs
