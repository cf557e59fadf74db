// SPDX-License-Identifier: Apache-2.0
//
// PendingAtimes: access times that reads have raised and that are not in the store yet.
//
// A read never waits for a log write: its access time is noted here, shown by stat, and stored
// later by the background thread. After a crash the last few are lost, which relatime's users
// accept.
#ifndef METARING_FUSEFS_CACHE_PENDING_ATIMES_H_
#define METARING_FUSEFS_CACHE_PENDING_ATIMES_H_

#include <atomic>
#include <chrono>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fusefs/meta/inode.h"
#include "kvnode/base/mutex.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs {

// Thread-safe; BeginStore and EndStore are for one thread.
class PendingAtimes {
 public:
  static constexpr size_t kEntriesMax = 16'384;  // more are not noted until some are stored

  static constexpr std::chrono::seconds kStoreWaitMax{10};

  struct Item {
    InodeRef ref;  // where it was when the access was noted
    Time atime;
  };

  void Note(const InodeRef& ref, Time atime);
  // Overlays a noted access time, unless the store's is newer.
  void Overlay(Inode& inode) const;
  // The inode is gone.
  void Forget(Ino ino);
  // Somebody is about to set the access time. Waits, for at most kStoreWaitMax, while an older one
  // is on its way to the store, so that it cannot arrive second. Not while moving a record: what is
  // on its way may wait for that move.
  void Drop(Ino ino);
  // At most `count` of them, to be stored now; then EndStore, with the same. They stay visible
  // until then.
  std::vector<Item> BeginStore(size_t count);
  // Forgets them, but for those of which a newer time was noted since.
  void EndStore(const std::vector<Item>& items);
  bool empty() const { return size_.load(std::memory_order_acquire) == 0; }

 private:
  mutable Mutex mutex_;
  fiber::CondVar stored_;
  std::unordered_map<Ino, Item> atimes_ GUARDED_BY(mutex_);
  std::unordered_set<Ino> storing_ GUARDED_BY(mutex_);  // between BeginStore and EndStore
  std::atomic<size_t> size_{0};                         // of atimes_
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_PENDING_ATIMES_H_
