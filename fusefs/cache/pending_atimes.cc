// SPDX-License-Identifier: Apache-2.0
//
// PendingAtimes over one map: noting is rare, because relatime seldom wants it.
#include "fusefs/cache/pending_atimes.h"

namespace metaring::fusefs {

void PendingAtimes::Note(const InodeRef& ref, Time atime) {
  MutexLock lock(mutex_);
  if (atimes_.size() >= kEntriesMax && !atimes_.contains(ref.ino)) return;
  atimes_[ref.ino] = {ref, atime};
  size_ = atimes_.size();
}

void PendingAtimes::Overlay(Inode& inode) const {
  if (empty()) return;
  MutexLock lock(mutex_);
  const auto it = atimes_.find(inode.ino);
  if (it != atimes_.end() && it->second.atime > inode.atime) inode.atime = it->second.atime;
}

void PendingAtimes::Forget(Ino ino) {
  if (empty()) return;
  MutexLock lock(mutex_);
  atimes_.erase(ino);
  size_ = atimes_.size();
}

void PendingAtimes::Drop(Ino ino) {
  const auto deadline = std::chrono::steady_clock::now() + kStoreWaitMax;
  MutexLock lock(mutex_);
  atimes_.erase(ino);
  size_ = atimes_.size();
  while (storing_.contains(ino)) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero() || fiber::Cancelled()) return;
    stored_.WaitFor(mutex_, left);
  }
}

std::vector<PendingAtimes::Item> PendingAtimes::BeginStore(size_t count) {
  std::vector<Item> items;
  MutexLock lock(mutex_);
  for (const auto& [ino, item] : atimes_) {
    if (items.size() == count) break;
    items.push_back(item);
    storing_.insert(ino);
  }
  return items;
}

void PendingAtimes::EndStore(const std::vector<Item>& items) {
  MutexLock lock(mutex_);
  for (const Item& item : items) {
    storing_.erase(item.ref.ino);
    const auto it = atimes_.find(item.ref.ino);
    if (it != atimes_.end() && it->second.atime == item.atime) atimes_.erase(it);
  }
  size_ = atimes_.size();
  stored_.NotifyAll();
}

}  // namespace metaring::fusefs
