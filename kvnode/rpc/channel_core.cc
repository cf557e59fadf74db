// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/channel_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

namespace metaring::rpc {
namespace {

using Clock = std::chrono::steady_clock;

// A length over it is taken for what it most likely is: the words of another protocol.
constexpr size_t kSkippedReplyBytesMax = size_t{256} << 20;

LinkLimits LimitsOf(const ChannelOptions& options) {
  LinkLimits limits;
  limits.frames = {options.frame_bytes_max, kSkippedReplyBytesMax};
  // The bound of the queue is Start's: a client reads on while it has much to send.
  limits.queue_bytes_max = std::numeric_limits<size_t>::max();
  limits.handshake_deadline = options.connect_deadline;
  limits.progress_deadline = options.write_deadline;
  return limits;
}

// Who did not accept whose certificate: the same will happen again.
Error Rejected(const TlsOptions& files, Rejection rejection, const std::string& why) {
  const bool of_peer = rejection == Rejection::kOfPeer;
  const std::string text =
      of_peer ? fmt::format("its certificate is not accepted (CA bundle {})", files.ca_file)
              : fmt::format("it does not accept the certificate {}", files.certificate_file);
  return {ErrorCode::kPermissionDenied, text + ": " + why};
}

// Where a frame has its seqid: behind length, version, and the method with its length.
void SetSeqid(Bytes& frame, size_t method_bytes, int32_t seqid) {
  const size_t at = kFrameHeadBytes + 8 + method_bytes;
  for (size_t i = 0; i < 4; ++i) {
    frame[at + i] = static_cast<char>(static_cast<uint32_t>(seqid) >> (24 - 8 * i) & 0xff);
  }
}

}  // namespace

Status ChannelLink::OnReady(const SSL*) {
  core_->Connected();
  return {};
}

Status ChannelLink::OnFrame(ByteView frame) {
  heard_ = true;
  return core_->Complete(frame, false);
}

Status ChannelLink::OnSkippedFrame(ByteView head) {
  heard_ = true;
  return core_->Complete(head, true);
}

void ChannelLink::OnClosed(const Error& why, Rejection rejection) {
  if (heard_) rejection = Rejection::kNone;
  std::exchange(core_, nullptr)->Broken(*this, why, rejection);
}

ChannelCore::ChannelCore(IoLoop& loop, ChannelOptions options)
    : loop_(loop),
      options_(std::move(options)),
      io_(std::in_place, loop.context),
      random_(std::random_device()()) {}

void ChannelCore::Post(void (ChannelCore::*step)()) {
  asio::post(loop_.context, [self = shared_from_this(), step] { (self.get()->*step)(); });
}

void ChannelCore::PostFailure(Channel::Callback callback, Error error) {
  asio::post(loop_.context,
             [callback = std::move(callback), error = std::move(error)] { callback(Fail(error)); });
}

// Why a call cannot begin now.
std::optional<Error> ChannelCore::Refusal(const Bytes& frame) const {
  if (state_ == State::kShut) return Error{ErrorCode::kUnavailable, "the channel is closed"};
  if (frame.size() - kFrameHeadBytes > options_.frame_bytes_max) {
    return Error{ErrorCode::kTooBig, "over the limit of a frame before it was sent"};
  }
  if (pending_.size() >= options_.calls_max) {
    return Error{ErrorCode::kBusy, "too many calls in flight"};
  }
  if (link_ != nullptr && link_->queued_bytes() > options_.queue_bytes_max) {
    return Error{ErrorCode::kBusy, "too much waits to be sent"};
  }
  if (state_ == State::kIdle && Clock::now() < retry_at_) {
    return last_failure_;
  }
  return std::nullopt;
}

CallId ChannelCore::Start(ByteView method, Bytes frame, Channel::TimePoint deadline,
                          Channel::Callback callback) {
  EndFrame(frame);
  const MutexLock lock(mutex_);
  const CallId id = pending_.NextId();
  if (std::optional<Error> refusal = Refusal(frame)) {
    PostFailure(std::move(callback), *std::move(refusal));
    return id;
  }
  SetSeqid(frame, method.size(), PendingCalls::SeqidOf(id));
  PendingCall& call = pending_.Add(id, {method, deadline, std::move(callback), {}});
  if (state_ == State::kConnected) {
    // Zero when it is just breaking: then the call fails with all others, as not sent.
    if (const uint64_t end = link_->Send(std::move(frame)); end != 0) call.end = end;
  } else {
    call.waiting_frame = std::move(frame);
    waiting_.push_back(PendingCalls::SeqidOf(id));
    if (state_ == State::kIdle) {
      state_ = State::kConnecting;
      Post(&ChannelCore::Connect);
    }
  }
  if (deadline < timer_for_ && !timer_due_) {
    timer_due_ = true;
    Post(&ChannelCore::ArmTimer);
  }
  return id;
}

void ChannelCore::Cancel(CallId id) {
  const MutexLock lock(mutex_);
  std::optional<PendingCall> call = pending_.Take(PendingCalls::SeqidOf(id));
  if (!call) return;
  const char* text = call->sent() ? "cancelled" : "cancelled before it was sent";
  PostFailure(std::move(call->callback), Error{ErrorCode::kCancelled, text});
}

void ChannelCore::Shut() {
  const MutexLock lock(mutex_);
  state_ = State::kShut;
  Post(&ChannelCore::Close);
}

void ChannelCore::Disconnect() {
  asio::post(loop_.context, [self = shared_from_this()] {
    if (self->io_ && self->io_->link != nullptr) {
      const std::shared_ptr<ChannelLink> link = self->io_->link;
      link->Close(Error{ErrorCode::kUnavailable, "disconnected"});
    }
  });
}

bool ChannelCore::connected() const {
  const MutexLock lock(mutex_);
  return state_ == State::kConnected;
}

void ChannelCore::Connect() {
  if (!io_) return;
  const uint64_t attempt = ++io_->attempt;
  io_->connect_timer.expires_after(options_.connect_deadline);
  io_->connect_timer.async_wait([self = shared_from_this(), attempt](const auto& error) {
    if (error || !self->io_ || self->io_->attempt != attempt) return;
    const char* text = "the connection took too long";
    const std::shared_ptr<ChannelLink> link = self->io_->link;
    if (link == nullptr) return self->ConnectFailed(text);
    link->Close(Error{ErrorCode::kDeadlineExceeded, text});
  });
  asio::error_code error;
  const auto address = asio::ip::make_address(options_.host, error);
  if (error) return Resolve();
  TryEndpoints(attempt, std::make_shared<Endpoints>(Endpoints{{address, options_.port}}), 0);
}

// A lookup that outlasts its attempt is the next one's: a name server that hangs costs a channel
// one thread, not one an attempt.
void ChannelCore::Resolve() {
  io_->resolving = true;
  if (io_->lookup != nullptr) return;
  io_->lookup = NameLookup::Start(
      loop_, options_.host, options_.port,
      [self = shared_from_this()](auto found) { self->Resolved(std::move(found)); });
}

void ChannelCore::Resolved(Result<Endpoints> found) {
  io_->lookup.reset();
  if (!std::exchange(io_->resolving, false)) return;
  if (!found) return ConnectFailed(found.error());
  TryEndpoints(io_->attempt, std::make_shared<const Endpoints>(*std::move(found)), 0);
}

void ChannelCore::TryEndpoints(uint64_t attempt, const std::shared_ptr<const Endpoints>& endpoints,
                               size_t index) {
  if (index == endpoints->size()) return ConnectFailed("no address");
  const asio::ip::tcp::endpoint& endpoint = (*endpoints)[index];
  if (options_.tls == nullptr &&
      !(options_.allow_insecure_plain_text && endpoint.address().is_loopback())) {
    return ConnectFailed("plain text was not allowed, or the address is not of loopback");
  }
  io_->connecting = std::make_shared<asio::ip::tcp::socket>(loop_.context);
  io_->connecting->async_connect(endpoint,
                                 [self = shared_from_this(), attempt, endpoints, index,
                                  socket = io_->connecting](const asio::error_code& error) {
                                   if (!self->io_ || self->io_->attempt != attempt) return;
                                   if (!error) return self->Adopt(std::move(*socket));
                                   if (index + 1 == endpoints->size())
                                     return self->ConnectFailed(error.message());
                                   self->TryEndpoints(attempt, endpoints, index + 1);
                                 });
}

void ChannelCore::Adopt(asio::ip::tcp::socket socket) {
  io_->connecting.reset();
  SslPtr session;
  if (options_.tls != nullptr) {
    const std::string& name = options_.server_name.empty() ? options_.host : options_.server_name;
    session.reset(options_.tls->NewClientSession(name));
  }
  const auto link = std::make_shared<ChannelLink>(loop_, LimitsOf(options_), shared_from_this());
  io_->link = link;
  link->Open(std::move(socket), std::move(session));
}

void ChannelCore::Connected() {
  if (options_.greeting) return Greet();
  BecomeReady();
}

void ChannelCore::Greet() {
  Bytes frame = options_.greeting->make();
  EndFrame(frame);
  {
    const MutexLock lock(mutex_);
    io_->greeting = PendingCalls::SeqidOf(pending_.NextId());
  }
  SetSeqid(frame, options_.greeting->method.size(), *io_->greeting);
  io_->link->Send(std::move(frame));
}

Status ChannelCore::AcceptGreeting(const Message& message) {
  io_->greeting.reset();
  Result<ByteView> reply = message.body;
  if (message.type == MessageType::kException) {
    reply = Fail(DecodeApplicationException(message.body));
  }
  if (Status status = options_.greeting->accept(reply); !status) {
    io_->refusal = status.error();
    return status;
  }
  BecomeReady();
  return {};
}

// Lets the calls that wait go.
void ChannelCore::BecomeReady() {
  io_->connect_timer.cancel();
  const MutexLock lock(mutex_);
  if (state_ == State::kShut) return;
  state_ = State::kConnected;
  link_ = io_->link;
  for (const int32_t seqid : std::exchange(waiting_, {})) {
    PendingCall* const call = pending_.Find(seqid);
    if (call != nullptr) call->end = link_->Send(std::exchange(call->waiting_frame, {}));
  }
}

Status ChannelCore::Complete(ByteView frame, bool skipped) {
  ASSIGN_OR_RETURN(const Message message, ParseMessage(frame));
  if (message.type != MessageType::kReply && message.type != MessageType::kException) {
    return Fail(ErrorCode::kInvalidArgument, "the message is not a reply");
  }
  // One that was cut off does not decode.
  if (io_ && io_->greeting == message.seqid) return AcceptGreeting(message);
  std::optional<PendingCall> call;
  {
    const MutexLock lock(mutex_);
    backoff_ = std::chrono::nanoseconds{0};
    call = pending_.Take(message.seqid);
  }
  if (!call) return {};  // ended before
  if (message.method != call->method) {
    call->callback(Fail(ErrorCode::kUnknownOutcome, "the reply is of another method"));
    return Fail(ErrorCode::kInvalidArgument, "a reply of another method");
  }
  if (skipped) {
    call->callback(Fail(ErrorCode::kTooBig, "the reply is over the limit of a frame"));
  } else if (message.type == MessageType::kException) {
    call->callback(Fail(DecodeApplicationException(message.body)));
  } else {
    call->callback(message.body);
  }
  return {};
}

Error ChannelCore::Named(const Error& why) const {
  return {why.code, fmt::format("{} port {}: {}", options_.host, options_.port, why.message)};
}

void ChannelCore::FailAll(const std::vector<PendingCall>& calls, uint64_t written,
                          const Error& why) {
  for (const PendingCall& call : calls) {
    const bool received = call.sent() && call.end <= written;
    call.callback(Fail(received ? ErrorCode::kUnknownOutcome : why.code, Named(why).message));
  }
}

void ChannelCore::Broken(const Link& link, const Error& why, Rejection rejection) {
  const bool rejected = rejection != Rejection::kNone;
  Error reason{ErrorCode::kUnavailable, why.message};
  if (rejected) reason = Rejected(options_.tls->options(), rejection, why.message);
  if (io_) {
    io_->link.reset();
    io_->greeting.reset();
    if (io_->refusal) reason = *std::exchange(io_->refusal, std::nullopt);
  }
  bool was_connected = false;
  std::vector<PendingCall> calls;
  {
    const MutexLock lock(mutex_);
    was_connected = link_ != nullptr;
    link_.reset();
    if (was_connected && !rejected) {
      if (state_ != State::kShut) state_ = State::kIdle;
      calls = pending_.TakeAll();
    }
  }
  if (was_connected && !rejected) return FailAll(calls, link.bytes_written(), reason);
  // A server that speaks TLS 1.3 turns a client down after the client's handshake is done.
  ConnectFailed(reason);
}

void ChannelCore::ConnectFailed(const Error& why) {
  if (io_) {
    ++io_->attempt;
    io_->connect_timer.cancel();
    io_->resolving = false;
    if (io_->connecting != nullptr) {
      asio::error_code ignored;
      io_->connecting->close(ignored);  // who waits for it has a share in it
      io_->connecting.reset();
    }
  }
  std::vector<PendingCall> calls;
  {
    const MutexLock lock(mutex_);
    calls = pending_.TakeAll();
    waiting_.clear();
    backoff_ = std::clamp<std::chrono::nanoseconds>(backoff_ * 2, options_.backoff_min,
                                                    options_.backoff_max);
    const auto half = static_cast<uint64_t>(backoff_.count() / 2);
    const auto wait = std::chrono::nanoseconds(half + random_.Below(half + 1));
    retry_at_ = Clock::now() + wait;
    last_failure_ = Named(why);
    if (state_ != State::kShut) state_ = State::kIdle;
  }
  FailAll(calls, 0, why);
}

void ChannelCore::ArmTimer() {
  Channel::TimePoint next;
  {
    const MutexLock lock(mutex_);
    timer_due_ = false;
    next = pending_.earliest();
    timer_for_ = next;
  }
  if (!io_ || next == Channel::TimePoint::max() || io_->armed_for == next) return;
  io_->armed_for = next;
  io_->calls_timer.expires_at(next);
  io_->calls_timer.async_wait([self = shared_from_this()](const asio::error_code& error) {
    if (error || !self->io_) return;
    self->io_->armed_for.reset();
    self->ExpireCalls();
  });
}

void ChannelCore::ExpireCalls() {
  std::vector<PendingCall> expired;
  {
    const MutexLock lock(mutex_);
    expired = pending_.TakeExpired(Clock::now());
  }
  ArmTimer();
  for (PendingCall& call : expired) {
    call.callback(
        Fail(ErrorCode::kDeadlineExceeded,
             call.sent() ? "no reply in time" : "not connected in time, before it was sent"));
  }
}

// Ends everything that keeps the reactor waiting.
void ChannelCore::Close() {
  if (!io_) return;
  if (const std::shared_ptr<ChannelLink> link = io_->link; link != nullptr) {
    link->Close(Error{ErrorCode::kUnavailable, "the channel was closed"});
  }
  ConnectFailed("the channel was closed");
  if (io_->lookup != nullptr) io_->lookup->Abandon();
  io_.reset();
}

}  // namespace metaring::rpc
