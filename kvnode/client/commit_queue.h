// SPDX-License-Identifier: Apache-2.0
//
// CommitQueue: how the threads of the embedded form share log writes.
//
// A thread that has a command queues it (in the log and here, in the same order) and either finds
// itself first, then it leads: it syncs the log for everything queued so far, applies this batch,
// wakes the batch's threads and hands the lead to the first that queued meanwhile; or it sleeps
// until its outcome is there or the lead is handed to it. So one thread alone never switches
// threads between its request and the disk, and only one thread at a time applies.
//
// The lead is handed over last: who was woken may queue its next command before the next leader
// takes the queue. Measured with 8 threads on 2 processors, against handing over before applying:
// 6.2 commands a sync in place of 4.1, at the same or a slightly higher rate.
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
  void HandOver();
  void Apply(const std::deque<Waiter*>& batch);

  log::Log& log_;
  store::Store& store_;

  Mutex queue_mutex_;
  std::deque<Waiter*> queue_ GUARDED_BY(queue_mutex_);
  bool has_leader_ GUARDED_BY(queue_mutex_) = false;
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_COMMIT_QUEUE_H_
