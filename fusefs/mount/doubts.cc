// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/doubts.h"

#include <pthread.h>

#include <iterator>
#include <utility>

#include "fusefs/mount/filesystem.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {

void Doubts::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "doubts");
    Run();
  });
}

void Doubts::Add(Doubt doubt) {
  const MutexLock lock(mutex_);
  doubts_.push_back(std::move(doubt));
  changed_.NotifyOne();
}

void Doubts::EndSoon() {
  ending_ = true;
}

void Doubts::Stop() {
  if (!thread_.joinable()) return;
  ending_ = true;
  {
    const MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyOne();
  }
  thread_.join();
}

void Doubts::Run() {
  for (;;) {
    std::vector<Doubt> taken;
    {
      const MutexLock lock(mutex_);
      while (doubts_.empty() && !stop_) changed_.Wait(mutex_);
      if (doubts_.empty()) return;
      taken = std::exchange(doubts_, {});
    }
    std::erase_if(taken, [this](Doubt& doubt) { return Settle(doubt); });
    if (taken.empty()) continue;
    const MutexLock lock(mutex_);
    if (!stop_) changed_.WaitFor(mutex_, kLookAgain);
    std::move(taken.begin(), taken.end(), std::back_inserter(doubts_));
  }
}

// False: it must be looked at again.
bool Doubts::Settle(Doubt& doubt) {
  const bool last_look = ending_ || ++doubt.looks >= kLooks;
  Result<bool> done = false;
  if (doubt.new_place) {
    done = FollowMove(doubt.old_place, *doubt.new_place);
    if (done && doubt.exchange) done = FollowMove(*doubt.new_place, doubt.old_place);
  }
  Result<bool> orphaned = false;
  if (done && doubt.losing) orphaned = FollowRemoval(*doubt.losing);
  if (!done || !orphaned) {
    LogDebug("mount", "a doubt remains: {}", (done ? orphaned : done).error().message);
    // Nobody has said anything: such looks do not count.
    --doubt.looks;
    if (!ending_) return false;
  } else if (!*done && !*orphaned && !last_look) {
    return false;
  }
  doubt.moving.reset();
  if (!doubt.losing) return true;
  Removed removed;
  removed.inode.ino = *doubt.losing;
  removed.orphaned = orphaned && *orphaned;
  filesystem_.EndRemoval(*doubt.losing, &removed);
  return true;
}

Result<bool> Doubts::FollowMove(const Place& from, const Place& to) {
  const Result<Node> node = Lookup(filesystem_.context, to.parent, to.name);
  if (!node) {
    if (node.error().code == ErrorCode::kNotFound) return false;
    return Fail(node.error());
  }
  const auto known = filesystem_.inodes.Find(node->inode.ino);
  if (!known || known->place != from) return false;
  filesystem_.inodes.Move(node->inode.ino, node->place);
  return true;
}

// True for an inode that is an orphan now. One that had more names lies at a place of its own
// whatever has happened, and one that is gone needs nothing.
Result<bool> Doubts::FollowRemoval(Ino ino) {
  const Result<Node> node = GetAttr(filesystem_.context, {ino, Place{}});
  if (!node) {
    if (node.error().code == ErrorCode::kStale) return false;
    return Fail(node.error());
  }
  filesystem_.inodes.Move(ino, node->place);
  return node->inode.nlink == 0;
}

}  // namespace metaring::fusefs::mount
