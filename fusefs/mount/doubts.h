// SPDX-License-Identifier: Apache-2.0
//
// Doubts: renames and unlinks whose outcome is unknown, until somebody has looked.
//
// One that was interrupted, or that timed out, after it was sent may be done. Its caller has been
// answered, but what the mount knows of the file may be wrong: where its record lies, and whether
// it has a name. Another process that has it open would be told ESTALE, and what it wrote would be
// dropped. So the move stays announced (MoveGate) and the removal begun (OpenCounts) until a thread
// of its own, which nobody cancels, has looked where things are; whoever needs them waits as for
// any move.
//
// A request that a node has not read yet can be done after a look. What looks undone is looked at
// kLooks times, kLookAgain apart; later than that it is ESTALE as before.
#ifndef METARING_FUSEFS_MOUNT_DOUBTS_H_
#define METARING_FUSEFS_MOUNT_DOUBTS_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "fusefs/cache/move_gate.h"
#include "fusefs/meta/inode.h"
#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"

namespace metaring::fusefs::mount {

class Filesystem;

struct Doubt {
  std::unique_ptr<MoveGate::Moving> moving;  // it ends when it is settled
  Place old_place;
  std::optional<Place> new_place;  // of a rename
  bool exchange = false;
  std::optional<Ino> losing;  // which may have lost a name: BeginRemoval was called for it
  int looks = 0;
};

// Thread-safe; Start and Stop are for one caller.
class Doubts {
 public:
  explicit Doubts(Filesystem& filesystem) : filesystem_(filesystem) {}
  ~Doubts() { Stop(); }
  Doubts(const Doubts&) = delete;
  Doubts& operator=(const Doubts&) = delete;

  void Start();
  void Add(Doubt doubt);
  // The mount ends: each is looked at once more, and whatever that says, it is settled.
  void EndSoon();
  // Returns when all are settled.
  void Stop();

 private:
  static constexpr int kLooks = 3;
  static constexpr std::chrono::milliseconds kLookAgain{500};

  void Run();
  bool Settle(Doubt& doubt);
  // Whether it is done; the table then knows.
  Result<bool> FollowMove(const Place& from, const Place& to);
  Result<bool> FollowRemoval(Ino ino);

  Filesystem& filesystem_;
  std::thread thread_;
  std::atomic<bool> ending_{false};
  Mutex mutex_;
  CondVar changed_;
  std::vector<Doubt> doubts_ GUARDED_BY(mutex_);
  bool stop_ GUARDED_BY(mutex_) = false;
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_DOUBTS_H_
