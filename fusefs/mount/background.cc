// SPDX-License-Identifier: Apache-2.0
//
// The background thread. It looks once a second while something is pending, else it waits to be
// woken.
#include "fusefs/mount/background.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>

#include "fusefs/mount/filesystem.h"
#include "kvnode/base/bytes.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::hours kIdle{1};

}  // namespace

void Background::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "background");
    Run();
  });
}

void Background::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    work_.stop = true;
    changed_.NotifyOne();
  }
  thread_.join();
}

void Background::Reclaim(Ino ino) {
  MutexLock lock(mutex_);
  work_.orphans.push_back(ino);
  changed_.NotifyOne();
}

void Background::Sweep() {
  MutexLock lock(mutex_);
  if (work_.sweep) return;
  work_.sweep = true;
  changed_.NotifyOne();
}

void Background::Wake() {
  if (!idle_) return;
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyOne();
}

Background::Work Background::AwaitWork() {
  // Set before looking: what becomes pending after the look finds it set, and wakes us.
  idle_ = true;
  const bool pending = filesystem_.files.AnyPending() || !filesystem_.atimes.empty();
  if (pending) idle_ = false;
  MutexLock lock(mutex_);
  if (work_.empty() && !woken_) {
    const std::chrono::nanoseconds wait = pending ? kTick : kIdle;
    changed_.WaitFor(mutex_, wait);
  }
  idle_ = false;
  woken_ = false;
  const bool stop = work_.stop;
  Work work = std::exchange(work_, {});
  work_.stop = stop;
  return work;
}

void Background::Run() {
  for (;;) {
    const Work work = AwaitWork();
    Do(work);
    if (work.stop) return;
  }
}

void Background::Do(const Work& work) {
  ReclaimAll(work.orphans);
  if (work.sweep) SweepAll();
  const int64_t now = filesystem_.context.clock.MonotonicNanos();
  const bool pressed = filesystem_.files.dirty_bytes() > kDirtyBytesMax / 2;
  StorePending(pressed ? now : now - kPendingAgeMaxNanos);
  // Access times leave in batches of an age, so that reading many files does not make log writes
  // between the changes that people wait for.
  if (now - atimes_stored_at_ >= kPendingAgeMaxNanos) {
    StoreAtimes(kAtimesPerStep);
    atimes_stored_at_ = now;
  }
}

Status Background::Finish() {
  Work work;
  {
    MutexLock lock(mutex_);
    work = std::exchange(work_, {});
  }
  ReclaimAll(work.orphans);
  StorePending(filesystem_.context.clock.MonotonicNanos());
  StoreAtimes(PendingAtimes::kEntriesMax);
  const size_t lost = LogPending();
  if (lost == 0) return {};
  return Fail(ErrorCode::kIo, fmt::format("changes of {} files are lost, see the log", lost));
}

// How many files lose what nobody was told of. Of a full volume its writers know: their writes,
// fsyncs and closes said so.
size_t Background::LogPending() const {
  size_t count = 0;
  for (const auto& file : filesystem_.files.PendingBefore(INT64_MAX)) {
    // What has no name ends with the mount.
    if (filesystem_.opens.IsOrphan(file->ino())) continue;
    const auto ref = filesystem_.inodes.Find(file->ino());
    const std::optional<Error> error = file->TakeError();
    if (!error || error->code != ErrorCode::kNoSpace) ++count;
    LogError("mount", "changes of inode {} {} are lost: {}", file->ino().value(),
             ref ? Escaped(ref->place.name) : "", error ? error->message : "they were not stored");
  }
  return count;
}

void Background::StorePending(int64_t before_monotonic_nanos) {
  for (const auto& file : filesystem_.files.PendingBefore(before_monotonic_nanos)) {
    file->WriteBackForLater();
  }
  filesystem_.files.DropSettled();
}

void Background::StoreAtimes(size_t count) {
  const auto items = filesystem_.atimes.BeginStore(count);
  if (items.empty()) return;
  std::vector<Accessed> accessed;
  accessed.reserve(items.size());
  for (const PendingAtimes::Item& item : items) {
    // It may have moved since it was read.
    accessed.push_back({filesystem_.inodes.Find(item.ref.ino).value_or(item.ref), item.atime});
  }
  // Access times that cannot be stored are lost: they are not worth a second attempt.
  if (const Status stored = fusefs::StoreAtimes(filesystem_.context, accessed); !stored) {
    LogDebug("mount", "access times are lost: {}", stored.error().message);
  }
  filesystem_.atimes.EndStore(items);
}

void Background::ReclaimAll(const std::vector<Ino>& orphans) {
  for (size_t at = 0; at < orphans.size(); at += kOrphansPerStep) {
    const size_t end = std::min(orphans.size(), at + kOrphansPerStep);
    const std::vector<Ino> some(orphans.begin() + static_cast<ptrdiff_t>(at),
                                orphans.begin() + static_cast<ptrdiff_t>(end));
    for (const Ino ino : some) {
      // Somebody may still hold it by O_PATH and ask for its attributes.
      if (const auto inode = filesystem_.Attributes(ino)) {
        filesystem_.inodes.MarkErased(ino, *inode);
      }
      filesystem_.atimes.Forget(ino);
    }
    const Status status = ReclaimOrphans(filesystem_.context, some);
    for (const Ino ino : some) filesystem_.opens.Reclaimed(ino);
    if (!status) LogWarn("mount", "cannot reclaim unlinked files: {}", status.error().message);
  }
  if (!orphans.empty()) Sweep();
}

void Background::SweepAll() {
  const auto swept = SweepVolume(filesystem_.context, /*orphans_too=*/false);
  if (!swept) LogWarn("mount", "cannot erase unlinked content: {}", swept.error().message);
}

}  // namespace metaring::fusefs::mount
