// SPDX-License-Identifier: Apache-2.0
//
// RemoteCall: one request on its way to a node and back, over as many attempts as retry.h allows.
//
// The first attempt is sent by the caller's thread; replies, further attempts and the end are on
// the IO threads.
#ifndef METARING_KVNODE_CLIENT_REMOTE_CALL_H_
#define METARING_KVNODE_CLIENT_REMOTE_CALL_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "kvnode/base/mutex.h"
#include "kvnode/client/node_set.h"
#include "kvnode/client/retry.h"
#include "kvnode/fiber/fiber.h"
#include "kvnode/rpc/delay.h"

namespace metaring::client {

// Thread-safe. Its node set outlives it.
class RemoteCall : public fiber::Cancellable, public std::enable_shared_from_this<RemoteCall> {
 public:
  using TimePoint = Retry::TimePoint;

  RemoteCall(NodeSet& nodes, Repeatable repeatable, TimePoint deadline)
      : nodes_(nodes),
        deadline_(deadline),
        began_(std::chrono::steady_clock::now()),
        retry_(repeatable, began_, deadline, nodes.retry_limits()) {}
  ~RemoteCall() override = default;
  RemoteCall(const RemoteCall&) = delete;
  RemoteCall& operator=(const RemoteCall&) = delete;

  // Once.
  void Start() { Attempt(began_); }
  // Ends it soon, if it has not ended: kCancelled, or kUnknownOutcome for a write that may be done.
  void Cancel() override;

 protected:
  virtual const char* method() const = 0;
  // The frame of an attempt (rpc::Channel::CallEncoded) for which so much time is left.
  virtual Bytes Encode(std::chrono::milliseconds left) = 0;
  // Keeps what the reply says; or how the attempt failed.
  virtual std::optional<Failure> TakeReply(ByteView result) = 0;
  // The end: once, with no lock held. Good: the reply that was kept.
  virtual void Deliver(Status status) = 0;

 private:
  void Attempt(TimePoint now);
  void AttemptEnded(const Result<ByteView>& reply);
  void WaitEnded();
  void NoteAttemptTimedOut(Failure& failure);
  Error Final(Error error);

  // Constant.
  NodeSet& nodes_;
  const TimePoint deadline_;
  const TimePoint began_;

  Mutex mutex_;
  Retry retry_ GUARDED_BY(mutex_);
  bool cancelled_ GUARDED_BY(mutex_) = false;
  // While an attempt is in flight: where, and itself, so that it is there when the reply comes.
  NodeSet::Pick in_flight_ GUARDED_BY(mutex_);
  rpc::CallId call_id_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<RemoteCall> self_ GUARDED_BY(mutex_);
  // While it waits for the next attempt.
  std::shared_ptr<rpc::Delay> delay_ GUARDED_BY(mutex_);
};

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_REMOTE_CALL_H_
