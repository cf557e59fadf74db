// SPDX-License-Identifier: Apache-2.0
//
// Invalidator: tells the kernel to read an inode's attributes, or a directory's listing, again.
//
// The kernel knows all changes but two. When a write takes set-user-ID bits away, it asked us to do
// that (FUSE_HANDLE_KILLPRIV_V2) and goes on using the mode that it has. When a directory moves to
// another parent, its listing changes in "..", but not its mtime, by which the kernel judges
// whether the listing that it keeps is good. libfuse documents that a handler must not tell it,
// since it may wait for that very handler; so a thread of its own does, and the handler waits for
// it, but not for ever.
#ifndef METARING_FUSEFS_MOUNT_INVALIDATOR_H_
#define METARING_FUSEFS_MOUNT_INVALIDATOR_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>

#include "fusefs/meta/inode.h"
#include "kvnode/base/mutex.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs::mount {

// What of an inode the kernel must ask for again.
enum class Stale { kAttributes, kListing };

// Thread-safe; Start and Stop are for one caller.
class Invalidator {
 public:
  Invalidator() = default;
  ~Invalidator() { Stop(); }
  Invalidator(const Invalidator&) = delete;
  Invalidator& operator=(const Invalidator&) = delete;

  void Start(std::function<void(Ino, Stale)> tell_kernel);
  void Stop();
  // Returns when the kernel has been told, or after kWaitMax; at once when it is not running or
  // the calling task is cancelled.
  void AttributesChanged(Ino ino) { Tell({ino, Stale::kAttributes}); }
  void ListingChanged(Ino directory) { Tell({directory, Stale::kListing}); }

 private:
  static constexpr std::chrono::seconds kWaitMax{1};
  static constexpr size_t kQueuedMax =
      1024;  // more are not told: they wait for the timeout of the kernel
  struct Item {
    Ino ino;
    Stale what = Stale::kAttributes;
  };
  void Tell(Item item);
  void Run();

  std::function<void(Ino, Stale)> tell_kernel_;  // set before the thread starts
  std::thread thread_;
  Mutex mutex_;
  fiber::CondVar changed_;
  std::deque<Item> queue_ GUARDED_BY(mutex_);
  uint64_t queued_ GUARDED_BY(mutex_) = 0;  // ever
  uint64_t told_ GUARDED_BY(mutex_) = 0;    // ever; told_ <= queued_
  bool running_ GUARDED_BY(mutex_) = false;
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_INVALIDATOR_H_
