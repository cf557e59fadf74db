// SPDX-License-Identifier: Apache-2.0
//
// Waiters: the callers of Sync for whom another thread writes.
//
// Each sleeps on a word of its own (a futex), so that exactly those are woken whose records are
// durable, and one of the rest to lead the next write; nobody wakes only to queue for a lock. The
// waker works on memory that a woken thread may already have given back, therefore the nodes belong
// to this object and are reused, never freed, while it lives; a late wake of a reused node is a
// spurious one.
#ifndef METARING_KVNODE_LOG_WAITERS_H_
#define METARING_KVNODE_LOG_WAITERS_H_

#include <atomic>
#include <cstdint>
#include <deque>

#include "kvnode/log/log.h"

namespace metaring::log {

// Everything but Node::Wait and Wake is called under one lock of the owner.
class Waiters {
 public:
  enum Outcome : uint32_t { kWaiting, kDurable, kLead, kFailed };

  struct Node {
    Lsn end;
    Node* next = nullptr;
    std::atomic<uint32_t> outcome{kWaiting};

    // Without the lock. Never kWaiting.
    Outcome Wait();
  };

  // Who is to be woken, and how.
  struct Called {
    Node* leader = nullptr;
    Node* others = nullptr;  // a list
    Outcome others_outcome = kDurable;
  };

  Node* Add(Lsn end);
  void Release(Node* node);

  // Takes those whose end is durable out of the list, and the longest waiting of the rest as
  // leader.
  Called TakeDurable(Lsn durable);
  // Takes everybody; nobody leads.
  Called TakeFailed();

  // Without the lock.
  static void Wake(const Called& called);

 private:
  std::deque<Node> nodes_;  // all that there ever were at one time
  Node* free_ = nullptr;    // list of those not in use
  Node* first_ = nullptr;   // list of the waiting, in the order of their coming
  Node** last_ = &first_;   // where the next one is linked
};

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_WAITERS_H_
