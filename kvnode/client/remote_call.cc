// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/remote_call.h"

#include <utility>

namespace metaring::client {
namespace {

using Clock = std::chrono::steady_clock;

// What an error of a channel means for an attempt: rpc/channel.h.
Failure FailureOf(const Error& error) {
  Failure failure{error};
  switch (error.code) {
    case ErrorCode::kBusy:
    case ErrorCode::kInvalidArgument:  // the node could not read it
      break;
    case ErrorCode::kUnknownOutcome:
    case ErrorCode::kInternal:  // the node has lost it on the way
      failure.maybe_done = true;
      break;
    case ErrorCode::kTooBig:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kCancelled:
      failure.maybe_done = !error.message.ends_with("before it was sent");
      break;
    default:  // no connection, a greeting that was refused, a method that is not known there
      failure.elsewhere = true;
  }
  return failure;
}

// Whether others had better ask another node first.
bool TellsAgainstNode(const Failure& failure) {
  if (failure.elsewhere) return true;
  // These are of the call: its caller has given it up, or its answer is over the client's limit.
  const ErrorCode code = failure.error.code;
  return failure.maybe_done && code != ErrorCode::kCancelled && code != ErrorCode::kTooBig;
}

}  // namespace

Error RemoteCall::Final(Error error) {
  const MutexLock lock(mutex_);
  return retry_.Final(std::move(error));
}

void RemoteCall::Attempt(TimePoint now) {
  if (now >= nodes_.EndOf(deadline_)) {
    return Deliver(Fail(Final({ErrorCode::kDeadlineExceeded, "no time is left"})));
  }
  NodeSet::Pick pick = nodes_.PickChannel();
  if (pick.channel == nullptr) {
    return Deliver(Fail(Final({ErrorCode::kUnavailable, "the client is closed"})));
  }
  const TimePoint end = nodes_.AttemptEndOf(deadline_, now);
  Bytes frame = Encode(std::chrono::ceil<std::chrono::milliseconds>(end - now));
  {
    const MutexLock lock(mutex_);
    if (!cancelled_) {
      retry_.Begin(now);
      self_ = shared_from_this();
      in_flight_ = pick;
      // The reply waits for the mutex until this is noted.
      call_id_ =
          pick.channel->CallEncoded(method(), std::move(frame), end,
                                    [this](const Result<ByteView>& reply) { AttemptEnded(reply); });
      return;
    }
  }
  Deliver(Fail(Final({ErrorCode::kCancelled, "cancelled"})));
}

void RemoteCall::AttemptEnded(const Result<ByteView>& reply) {
  std::shared_ptr<RemoteCall> self;
  NodeSet::Pick pick;
  {
    const MutexLock lock(mutex_);
    self = std::exchange(self_, nullptr);
    pick = std::exchange(in_flight_, {});
  }
  std::optional<Failure> failure = reply ? TakeReply(*reply) : FailureOf(reply.error());
  if (!failure) {
    nodes_.NoteAnswer();
    return Deliver({});
  }
  failure->node = pick.node;
  if (failure->error.code == ErrorCode::kDeadlineExceeded) NoteAttemptTimedOut(*failure);
  if (TellsAgainstNode(*failure)) nodes_.Avoid(pick.node);
  Retry::Verdict verdict;
  {
    const MutexLock lock(mutex_);
    verdict = nodes_.Judge(retry_, *failure);
    if (verdict.again && cancelled_) {
      verdict = {false, {}, retry_.Final({ErrorCode::kCancelled, "cancelled"})};
    }
    if (verdict.again && verdict.wait.count() > 0) {
      delay_ = nodes_.StartDelay(verdict.wait, [self] { self->WaitEnded(); });
      return;
    }
  }
  if (!verdict.again) return Deliver(Fail(std::move(verdict.error)));
  Attempt(Clock::now());
}

// The time was over for this attempt; perhaps not for the call.
void RemoteCall::NoteAttemptTimedOut(Failure& failure) {
  if (nodes_.attempt_max().count() == 0 || Clock::now() >= nodes_.EndOf(deadline_)) return;
  failure.error.code = failure.maybe_done ? ErrorCode::kUnknownOutcome : ErrorCode::kUnavailable;
}

void RemoteCall::WaitEnded() {
  {
    const MutexLock lock(mutex_);
    delay_.reset();
  }
  Attempt(Clock::now());
}

void RemoteCall::Cancel() {
  NodeSet::Pick pick;
  rpc::CallId call_id = 0;
  std::shared_ptr<rpc::Delay> delay;
  {
    const MutexLock lock(mutex_);
    cancelled_ = true;
    pick = in_flight_;
    call_id = call_id_;
    delay = delay_;
  }
  if (pick.channel != nullptr) pick.channel->Cancel(call_id);
  if (delay != nullptr) delay->Cut();
}

}  // namespace metaring::client
