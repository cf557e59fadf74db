// SPDX-License-Identifier: Apache-2.0
//
// ChannelCore: what a channel is made of, kept alive by the reactor until it is closed; and
// ChannelLink, one connection of it. For the sources of this folder.
#ifndef METARING_KVNODE_RPC_CHANNEL_CORE_H_
#define METARING_KVNODE_RPC_CHANNEL_CORE_H_

#include <memory>
#include <optional>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/base/random.h"
#include "kvnode/rpc/channel.h"
#include "kvnode/rpc/link.h"
#include "kvnode/rpc/name_lookup.h"
#include "kvnode/rpc/pending_calls.h"

namespace metaring::rpc {

class ChannelLink : public Link {
 public:
  ChannelLink(IoLoop& loop, const LinkLimits& limits, std::shared_ptr<ChannelCore> core)
      : Link(loop, limits), core_(std::move(core)) {}
  ~ChannelLink() override = default;
  using Link::queued_bytes;

 protected:
  Status OnReady(const SSL* session) override;
  Status OnFrame(ByteView frame) override;
  Status OnSkippedFrame(ByteView head) override;
  void OnClosed(const Error& why, Rejection rejection) override;

 private:
  std::shared_ptr<ChannelCore> core_;  // until closed
  bool heard_ = false;                 // a frame of the server
};

// Start, Cancel, Shut, Disconnect, connected: any thread. The rest: the loop's thread.
class ChannelCore : public std::enable_shared_from_this<ChannelCore> {
 public:
  ChannelCore(IoLoop& loop, ChannelOptions options);

  CallId Start(ByteView method, Bytes frame, Channel::TimePoint deadline,
               Channel::Callback callback);
  void Cancel(CallId id);
  void Shut();
  void Disconnect();
  bool connected() const;

  // Of the link.
  void Connected();
  // `skipped`: the frame is over the limit, and this is its beginning.
  Status Complete(ByteView frame, bool skipped);
  void Broken(const Link& link, const Error& why, Rejection rejection);

 private:
  enum class State { kIdle, kConnecting, kConnected, kShut };
  using Endpoints = NameLookup::Endpoints;

  // What belongs to the reactor; gone when the channel is shut.
  struct Io {
    explicit Io(asio::io_context& context) : calls_timer(context), connect_timer(context) {}
    asio::steady_timer calls_timer;    // for the earliest deadline of a call
    asio::steady_timer connect_timer;  // for the attempt to connect
    std::optional<Channel::TimePoint> armed_for;
    std::shared_ptr<NameLookup> lookup;  // while one is under way, also one of an earlier attempt
    std::shared_ptr<asio::ip::tcp::socket> connecting;
    std::shared_ptr<ChannelLink> link;
    std::optional<int32_t> greeting;  // its seqid, until it was answered
    std::optional<Error> refusal;     // what `accept` said of the answer, until the link is closed
    bool resolving = false;           // the attempt waits for the lookup
    uint64_t attempt = 0;
  };

  std::optional<Error> Refusal(const Bytes& frame) const REQUIRES(mutex_);
  void Connect();
  void Resolve();
  void Resolved(Result<Endpoints> found);
  void TryEndpoints(uint64_t attempt, const std::shared_ptr<const Endpoints>& endpoints,
                    size_t index);
  void Adopt(asio::ip::tcp::socket socket);
  void Greet();
  Status AcceptGreeting(const Message& message);
  void BecomeReady();
  Error Named(const Error& why) const;  // says of which server
  void ConnectFailed(const std::string& why) { ConnectFailed(Error{ErrorCode::kUnavailable, why}); }
  void ConnectFailed(const Error& why);
  void FailAll(const std::vector<PendingCall>& calls, uint64_t written, const Error& why);
  void ArmTimer();
  void ExpireCalls();
  void Close();
  void Post(void (ChannelCore::*step)());
  void PostFailure(Channel::Callback callback, Error error);

  // Constant.
  IoLoop& loop_;
  const ChannelOptions options_;

  // Of the loop's thread.
  std::optional<Io> io_;

  mutable Mutex mutex_;  // before Link's
  State state_ GUARDED_BY(mutex_) = State::kIdle;
  PendingCalls pending_ GUARDED_BY(mutex_);
  std::vector<int32_t> waiting_ GUARDED_BY(mutex_);  // for a connection, in the order of the calls
  std::shared_ptr<ChannelLink> link_ GUARDED_BY(mutex_);  // while connected
  bool timer_due_ GUARDED_BY(mutex_) = false;             // ArmTimer was asked for
  Channel::TimePoint timer_for_ GUARDED_BY(mutex_) = Channel::TimePoint::max();
  Random random_ GUARDED_BY(mutex_);
  std::chrono::nanoseconds backoff_ GUARDED_BY(mutex_){0};  // zero: the server answers
  Channel::TimePoint retry_at_ GUARDED_BY(mutex_){};
  Error last_failure_ GUARDED_BY(mutex_){ErrorCode::kUnavailable, ""};
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_CHANNEL_CORE_H_
