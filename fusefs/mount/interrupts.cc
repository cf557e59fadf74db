// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/interrupts.h"

#include <linux/fuse.h>
#include <pthread.h>

#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {
namespace {

constexpr std::chrono::milliseconds kTick{50};
// Who has been looked at for long is looked at each so many ticks.
constexpr std::chrono::seconds kLong{2};
constexpr uint64_t kLongTicks = 10;

// Whether POSIX lists EINTR among the errors of the system call that makes such requests, and a
// cluster that works answers it in less than kGrace. FSYNC, WRITE, COPY_FILE_RANGE and FALLOCATE
// may store megabytes first, and SETATTR too, which is also chmod(2).
bool IsShortAndMayReturnEintr(uint32_t opcode) {
  switch (opcode) {
    case FUSE_OPEN:
    case FUSE_CREATE:
    case FUSE_READ:
    case FUSE_FSYNCDIR:
    case FUSE_STATFS:
      return true;
    default:
      return false;
  }
}

bool GraceIsOver(const WaitingRequest& request, WaitingRequest::TimePoint now) {
  if (!request.interrupted) return false;
  const auto grace = IsShortAndMayReturnEintr(request.opcode) ? kGrace : kGraceUnexpected;
  return now - *request.interrupted >= grace;
}

// Of a caller that exits.
bool ExitGraceIsOver(const WaitingRequest& request, std::chrono::nanoseconds grace,
                     WaitingRequest::TimePoint now) {
  return !MayBeStuckAtExit(request) || now - request.began >= grace;
}

}  // namespace

bool MayBeStuckAtExit(const WaitingRequest& request) {
  return request.opcode == FUSE_FLUSH;
}

bool MustEnd(const WaitingRequest& request, CallerState caller, const InterruptRules& rules,
             WaitingRequest::TimePoint now) {
  const bool at_close = MayBeStuckAtExit(request);
  switch (caller) {
    case CallerState::kWaits:
      return false;
    case CallerState::kSignalled:
      return rules.by == Interruptible::kByCaught && !at_close && GraceIsOver(request, now);
    case CallerState::kUnknown:
      if (at_close && ExitGraceIsOver(request, rules.exit_wait_max, now)) return true;
      return GraceIsOver(request, now);
    case CallerState::kEnds:
      return ExitGraceIsOver(request, kExitGrace, now);
    case CallerState::kExits:
      return ExitGraceIsOver(request, rules.exit_wait_max, now);
    case CallerState::kExitsSomehow:
      return ExitGraceIsOver(request, kGraceUnexpected, now);
  }
  return false;
}

InterruptWatch::InterruptWatch(Requests& requests, const InterruptRules& rules)
    : requests_(requests), rules_(rules) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "interrupts");
    Run();
  });
}

InterruptWatch::~InterruptWatch() {
  {
    const MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyOne();
  }
  thread_.join();
}

void InterruptWatch::Wake() {
  if (!idle_.exchange(false)) return;
  const MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyOne();
}

// With nothing to watch it sleeps until it is woken, and then for a tick all the same, in which
// most requests are answered. False: the end.
bool InterruptWatch::AwaitTick() {
  const MutexLock lock(mutex_);
  while (!busy_ && !woken_ && !stop_) changed_.Wait(mutex_);
  woken_ = false;
  const auto end = std::chrono::steady_clock::now() + kTick;
  for (auto left = end - std::chrono::steady_clock::now(); left > left.zero() && !stop_;
       left = end - std::chrono::steady_clock::now()) {
    changed_.WaitFor(mutex_, left);
  }
  return !stop_;
}

void InterruptWatch::Look(const WaitingRequest& request) {
  const auto now = std::chrono::steady_clock::now();
  const auto watched_for = now - request.interrupted.value_or(request.began);
  if (watched_for > kLong && ticks_ % kLongTicks != 0) return;
  if (!request.interrupted && watched_for < kExitGrace) return;
  if (!MustEnd(request, CallerStateOf(request.caller), rules_, now)) return;
  LogDebug("mount", "request {} of thread {} is interrupted", request.unique, request.caller);
  requests_.Cancel(request.unique);
}

void InterruptWatch::Run() {
  for (;;) {
    // Set before looking: a request that comes after the look finds it set, and wakes us.
    idle_ = true;
    const std::vector<WaitingRequest> watched = requests_.Watched();
    busy_ = !watched.empty();
    if (busy_) idle_ = false;
    for (const WaitingRequest& request : watched) Look(request);
    if (!AwaitTick()) return;
    ++ticks_;
  }
}

}  // namespace metaring::fusefs::mount
