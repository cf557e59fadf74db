// SPDX-License-Identifier: Apache-2.0
//
// CommitQueue: how the threads of the embedded form share log writes.
//
// A thread that has a command queues it (in the log and here, in the same order) and either finds
// itself first, then it leads: it syncs the log for everything queued so far, hands the lead to the
// first that queued meanwhile, applies its batch and wakes the batch's threads; or it sleeps until
// its outcome is there or the lead is handed to it. So one thread alone never switches threads
// between its request and the disk, and the next batch is on its way to the disk while this one is
// applied.
//
// Each thread sleeps on a word of its own (futex), so that exactly those are woken that have
// something to do.
#ifndef METARING_KVNODE_CLIENT_COMMIT_QUEUE_H_
#define METARING_KVNODE_CLIENT_COMMIT_QUEUE_H_

#include <atomic>
#include <deque>
#include <functional>
#include <optional>

#include "kvnode/base/mutex.h"
#include "kvnode/log/log.h"
#include "kvnode/state/machine.h"
#include "kvnode/store/store.h"

namespace metaring::client {

// Thread-safe.
class CommitQueue {
 public:
  using ApplyFunction =
      std::function<Result<state::TransactReply>(store::Txn& txn, uint64_t version)>;

  CommitQueue(log::Log& log, store::Store& store) : log_(log), store_(store) {}

  // Logs `payload`, makes it durable, then applies it in its turn by `apply`, which is called once,
  // by any thread, and must outlive the call. Errors of the log are returned and nothing was
  // applied. A failed sync or a store that cannot go on ends the process: the outcome would be a
  // guess.
  Result<state::TransactReply> Commit(ByteView payload, log::SpaceUse use,
                                      const ApplyFunction& apply);

 private:
  enum State : uint32_t { kWaiting, kLeading, kDone };
  struct Waiter {
    log::Lsn end;
    const ApplyFunction* apply = nullptr;
    std::optional<Result<state::TransactReply>> outcome;
    std::atomic<uint32_t> state{kWaiting};
  };

  void Lead();
  void Apply(const std::deque<Waiter*>& batch);

  log::Log& log_;
  store::Store& store_;

  Mutex queue_mutex_;
  std::deque<Waiter*> queue_ GUARDED_BY(queue_mutex_);
  bool has_leader_ GUARDED_BY(queue_mutex_) = false;
  // Batches are applied in the order in which they were taken from the queue.
  uint64_t batches_taken_ GUARDED_BY(queue_mutex_) = 0;

  Mutex apply_mutex_;
  CondVar applied_;
  uint64_t batches_applied_ GUARDED_BY(apply_mutex_) = 0;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_COMMIT_QUEUE_H_
