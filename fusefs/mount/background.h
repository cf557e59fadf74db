// SPDX-License-Identifier: Apache-2.0
//
// Background: the one thread of a mount that does what no request should wait for: storing changes
// that have waited for kPendingAgeMax, access times, reclaiming orphans after their last close, and
// erasing the content of what was unlinked. With nothing to do it sleeps until it is woken.
#ifndef METARING_FUSEFS_MOUNT_BACKGROUND_H_
#define METARING_FUSEFS_MOUNT_BACKGROUND_H_

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "fusefs/meta/inode.h"
#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"

namespace metaring::fusefs::mount {

class Filesystem;

inline constexpr int64_t kPendingAgeMaxNanos = 5'000'000'000;

// Thread-safe; Start and Stop are for one caller.
class Background {
 public:
  explicit Background(Filesystem& filesystem) : filesystem_(filesystem) {}
  ~Background() { Stop(); }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Start();
  // Returns when the thread has ended; the work that is left is done by Finish.
  void Stop();
  // Everything that must not be left, on the caller's thread, once. kIo when changes of files could
  // not be stored and are lost; which, is logged.
  Status Finish();

  // An orphan that nobody has open any more.
  void Reclaim(Ino ino);
  // Content was unlinked: the queue of content to erase is not empty.
  void Sweep();
  // Something is pending now.
  void Wake();

 private:
  struct Work {
    std::vector<Ino> orphans;

    bool sweep = false;
    bool stop = false;
    bool empty() const { return orphans.empty() && !sweep && !stop; }
  };
  static constexpr size_t kOrphansPerStep = 64;
  static constexpr size_t kAtimesPerStep = 2048;

  void Run();
  Work AwaitWork();
  void Do(const Work& work);
  void StorePending(int64_t before_monotonic_nanos);
  void StoreAtimes(size_t count);
  size_t LogPending() const;
  void ReclaimAll(const std::vector<Ino>& orphans);
  void SweepAll();

  Filesystem& filesystem_;

  int64_t atimes_stored_at_ = 0;  // the thread's own; monotonic
  std::thread thread_;

  Mutex mutex_;
  CondVar changed_;
  Work work_ GUARDED_BY(mutex_);
  bool woken_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> idle_{false};  // the thread found nothing pending and sleeps until it is woken
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_BACKGROUND_H_
