// SPDX-License-Identifier: Apache-2.0
//
// When a request ends because of its caller and not by itself.
//
// The kernel tells of a signal by FUSE_INTERRUPT, once a request and whichever signal it was; from
// then on the caller waits for our answer, whatever happens to it. So we look what it is about to
// do (caller_state.h):
//  - It ends: the request is cancelled at once. Nobody sees the answer.
//  - Its handler will run: programs that have a timer, or children, get such signals all the time,
//    and their handlers mostly have SA_RESTART, which a filesystem cannot honour. So an operation
//    gets a grace in which a cluster that works has answered long ago: kGrace where POSIX lets the
//    call return EINTR and there is little to do, kGraceUnexpected (more than a change of leaders
//    takes) where few programs expect it or there may be much to store. Not on a hard mount, and
//    never at close(2), whose caller could not try again.
//  - It cannot be seen: any signal may be the one that ends it, so it counts as the case before, on
//    a hard mount too.
// A caller that exits closes its files, and cannot be interrupted any more: FLUSH is answered
// without having stored anything, and the background goes on with it, after kExitGrace if the
// caller was killed, after kGraceUnexpected if that cannot be seen, and if it exits by itself, as
// nearly all programs end their last write, after op_timeout, on a hard mount too. Who cannot be
// seen at all may be exiting or not: kGraceUnexpected after an interrupt, else op_timeout.
//
// "Cancelled" is EINTR. What has not been sent is not; a write that has been is never sent again,
// and whether it is done, nobody knows.
#ifndef METARING_FUSEFS_MOUNT_INTERRUPTS_H_
#define METARING_FUSEFS_MOUNT_INTERRUPTS_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "fusefs/mount/caller_state.h"
#include "kvnode/base/mutex.h"

namespace metaring::fusefs::mount {

inline constexpr std::chrono::seconds kGrace{1};
inline constexpr std::chrono::seconds kGraceUnexpected{5};
inline constexpr std::chrono::seconds kExitGrace{1};

// A request that has not been answered.
struct WaitingRequest {
  using TimePoint = std::chrono::steady_clock::time_point;

  uint64_t unique = 0;  // the kernel's number of it
  uint32_t opcode = 0;
  pid_t caller = 0;  // a thread; 0: none that can be named
  TimePoint began;
  std::optional<TimePoint> interrupted;
};

// Which signals end a request.
enum class Interruptible {
  kByCaught,  // also one that the caller catches, after a grace
  kByFatal,   // only what ends the caller
};

struct InterruptRules {
  Interruptible by = Interruptible::kByFatal;
  // The longest that a caller that exits by itself is kept by a FLUSH.
  std::chrono::nanoseconds exit_wait_max = std::chrono::nanoseconds::max();
};

// Whether its caller must be looked at, even if nothing was interrupted.
bool MayBeStuckAtExit(const WaitingRequest& request);
// Whether it is to be cancelled now.
bool MustEnd(const WaitingRequest& request, CallerState caller, const InterruptRules& rules,
             WaitingRequest::TimePoint now);

// A thread that looks at the callers of requests as long as there are such to look at.
// Thread-safe.
class InterruptWatch {
 public:
  // Where requests are. Thread-safe, and neither waits.
  class Requests {
   public:
    virtual ~Requests() = default;
    // Those whose callers are to be looked at: that were interrupted, or may be stuck at exit.
    virtual std::vector<WaitingRequest> Watched() = 0;
    // If it has not been answered.
    virtual void Cancel(uint64_t unique) = 0;
  };

  // `requests` outlives it.
  InterruptWatch(Requests& requests, const InterruptRules& rules);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  // There is, or will soon be, a request to look at.
  void Wake();

 private:
  void Run();
  bool AwaitTick();
  void Look(const WaitingRequest& request);

  Requests& requests_;
  const InterruptRules rules_;
  std::atomic<bool> idle_{false};  // the thread sleeps until it is woken

  Mutex mutex_;
  CondVar changed_;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool stop_ GUARDED_BY(mutex_) = false;

  uint64_t ticks_ = 0;  // the thread's own
  bool busy_ = false;   // the thread's own: something was watched at the last tick
  std::thread thread_;
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_INTERRUPTS_H_
