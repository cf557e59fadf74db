// SPDX-License-Identifier: Apache-2.0
//
// OpenFile: how changes leave for the store, one at a time.
#include "fusefs/cache/open_file.h"

namespace metaring::fusefs {

Status OpenFile::TakeTurn() {
  const auto deadline = std::chrono::steady_clock::now() + context_.turn_wait_max;
  MutexLock lock(mutex_);
  while (turn_taken_) {
    if (fiber::Cancelled()) return Fail(ErrorCode::kCancelled, "cancelled before its turn");
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) {
      return Fail(ErrorCode::kDeadlineExceeded, "another change of the file did not end in time");
    }
    turn_ended_.WaitFor(mutex_, left);
  }
  turn_taken_ = true;
  return {};
}

void OpenFile::EndTurn() {
  MutexLock lock(mutex_);
  turn_taken_ = false;
  turn_ended_.NotifyAll();
}

OpenFile::Leaving OpenFile::PrepareLeaving() {
  MutexLock lock(mutex_);
  if (dirty_.empty() && pending_.empty()) return nullptr;
  leaving_attributes_ = pending_;
  pending_ = {};
  pending_since_.reset();
  auto request = std::make_shared<WriteBackRequest>();
  request->ref = node_.ref();
  leaving_bytes_ = dirty_.bytes();
  request->blocks = dirty_.Take();
  request->size = leaving_attributes_.size;
  request->mode = leaving_attributes_.mode;
  request->uid = leaving_attributes_.uid;
  request->gid = leaving_attributes_.gid;
  request->atime = leaving_attributes_.atime;
  request->mtime = leaving_attributes_.mtime;
  request->ctime = leaving_attributes_.ctime;
  request->clear_suid_sgid = leaving_attributes_.clear_suid_sgid;
  leaving_ = request;
  return request;
}

Status OpenFile::WriteBackInTurn() {
  const Leaving request = PrepareLeaving();
  if (!request) return {};
  Result<Node> stored = context_.store.WriteBack(*request);

  MutexLock lock(mutex_);
  leaving_.reset();
  leaving_bytes_ = 0;
  ++epoch_;
  if (stored) {
    node_ = std::move(*stored);
    context_.no_space = false;
  } else {
    dirty_.PutBack(std::move(request->blocks));
    PendingAttributes restored = leaving_attributes_;
    restored.MergeNewer(pending_);
    pending_ = restored;
    NotePending();
    if (stored.error().code == ErrorCode::kNoSpace) context_.no_space = true;
  }
  leaving_attributes_ = {};
  AccountDirty();
  if (!stored) return Fail(std::move(stored).error());
  return {};
}

Status OpenFile::WriteBack() {
  if (!HasPending()) return {};
  RETURN_IF_ERROR(TakeTurn());
  Status status = WriteBackInTurn();
  EndTurn();
  return status;
}

void OpenFile::WriteBackForLater() {
  Status status = WriteBack();
  // A caller who has been cancelled has not looked; the changes are still pending.
  if (status || fiber::Cancelled()) return;
  // The file is gone from the volume: there is nothing to wait for.
  if (status.error().code == ErrorCode::kStale) Discard();
  MutexLock lock(mutex_);
  error_ = std::move(status).error();
}

std::optional<Error> OpenFile::TakeError() {
  MutexLock lock(mutex_);
  std::optional<Error> taken = std::move(error_);
  error_.reset();
  return taken;
}

Result<Node> OpenFile::Alter(bool write_back_first, const PendingAttributes& stored,
                             const std::function<Result<Node>()>& change) {
  RETURN_IF_ERROR(TakeTurn());
  Status written;
  if (write_back_first) written = WriteBackInTurn();
  // A full volume must take a cut: what is cut off need not be stored before.
  const bool cuts = !written && written.error().code == ErrorCode::kNoSpace && stored.size;
  if (!written && !cuts) {
    EndTurn();
    return Fail(std::move(written).error());
  }
  Result<Node> changed = change();
  {
    MutexLock lock(mutex_);
    ++epoch_;
    if (changed) {
      node_ = *changed;
      const auto size = pending_.size;
      pending_.DropSetIn(stored);
      // A write that came meanwhile still needs its size.
      if (!dirty_.empty() && !cuts) pending_.size = size;
      if (cuts) {
        dirty_.CutTo(*stored.size, context_.block_bytes);
        if (dirty_.empty()) error_.reset();  // what could not be stored is not wanted any more
      }
      AccountDirty();
    }
  }
  EndTurn();
  return changed;
}

void OpenFile::Discard() {
  if (!TakeTurn()) return;
  {
    MutexLock lock(mutex_);
    dirty_.Clear();
    pending_ = {};
    pending_since_.reset();
    error_.reset();
    ++epoch_;
    AccountDirty();
  }
  EndTurn();
}

}  // namespace metaring::fusefs
