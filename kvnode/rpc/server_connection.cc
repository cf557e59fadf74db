// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/server_connection.h"

#include <fmt/format.h>

#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"

namespace metaring::rpc {
namespace {

LinkLimits LimitsOf(const ServerLimits& limits) {
  return {{limits.frame_bytes_max},
          limits.reply_bytes_per_connection_max,
          limits.handshake_deadline,
          limits.idle_deadline,
          limits.write_deadline};
}

constexpr char kTooManyBytes[] = "too many bytes of requests in flight";

Result<Message> ParseCall(ByteView frame) {
  ASSIGN_OR_RETURN(const Message message, ParseMessage(frame));
  if (message.type == MessageType::kCall || message.type == MessageType::kOneway) return message;
  return Fail(ErrorCode::kInvalidArgument, "the message is not a call");
}

std::string TextOf(const asio::ip::tcp::endpoint& remote) {
  const char* format = remote.address().is_v6() ? "[{}]:{}" : "{}:{}";
  return fmt::format(fmt::runtime(format), remote.address().to_string(), remote.port());
}

}  // namespace

ServerConnection::ServerConnection(IoLoop& loop, unsigned loop_number,
                                   std::shared_ptr<ServerShared> shared,
                                   const asio::ip::tcp::endpoint& remote)
    : Link(loop, LimitsOf(shared->limits)),
      shared_(std::move(shared)),
      loop_number_(loop_number),
      address_(remote.address().to_string()),
      remote_(TextOf(remote)) {}

void ServerConnection::Begin(asio::ip::tcp::socket socket) {
  shared_->open[loop_number_].insert(this);
  if (shared_->stopping) return Close(Error{ErrorCode::kUnavailable, "the server stops"});
  SslPtr session;
  {
    const MutexLock lock(shared_->tls_mutex);
    if (shared_->tls != nullptr) session.reset(shared_->tls->NewServerSession());
  }
  Open(std::move(socket), std::move(session));
}

void ServerConnection::Drain() {
  if (!identified_) return Close(Error{ErrorCode::kUnavailable, "the server stops"});
  draining_ = true;
  StopReading();
  Nudge();
}

Status ServerConnection::OnReady(const SSL* session) {
  if (session != nullptr) {
    ASSIGN_OR_RETURN(peer_, PeerOf(session));
  }
  identified_ = true;
  return shared_->admission.Identify(peer_.role);
}

bool ServerConnection::TakeBytes(size_t bytes, bool large) {
  const size_t own = request_bytes_.load(std::memory_order_relaxed);
  if (!shared_->admission.TakeRequestBytes(own, bytes, large)) return false;
  request_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void ServerConnection::GiveBytes(size_t bytes) {
  request_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  shared_->admission.GiveRequestBytes(bytes);
}

bool ServerConnection::MayTake(size_t bytes) {
  if (!TakeBytes(bytes, true)) return false;
  receiving_bytes_ = bytes;
  return true;
}

Status ServerConnection::OnFrame(ByteView frame) {
  ASSIGN_OR_RETURN(const Message message, ParseCall(frame));
  shared_->admission.NoteReceived(frame.size());
  const size_t taken = std::exchange(receiving_bytes_, 0);
  CHECK(taken == 0 || taken == frame.size());
  if (taken == 0 && !TakeBytes(frame.size(), false)) return AnswerBusy(message, kTooManyBytes);
  if (!shared_->admission.BeginRequest(in_flight_.load(std::memory_order_acquire))) {
    GiveBytes(frame.size());
    return AnswerBusy(message, "too many requests in flight");
  }
  in_flight_.fetch_add(1, std::memory_order_acq_rel);
  shared_->handler.Serve(Call(Me(), message, frame.size()), message.body);
  return {};
}

Status ServerConnection::OnSkippedFrame(ByteView head) {
  ASSIGN_OR_RETURN(const Message message, ParseCall(head));
  return AnswerBusy(message, kTooManyBytes);
}

Status ServerConnection::AnswerBusy(const Message& message, const char* why) {
  shared_->admission.NoteRequestRefused();
  if (message.type == MessageType::kOneway) return {};
  Bytes refusal = RefusalFrame(*this, message.method, message.seqid, Error{ErrorCode::kBusy, why});
  EndFrame(refusal);
  Send(std::move(refusal));
  return {};
}

void ServerConnection::Answer(Bytes frame, size_t request_bytes) {
  shared_->admission.NoteSent(frame.size());
  if (!frame.empty()) Send(std::move(frame));
  GiveBytes(request_bytes);
  shared_->admission.EndRequest();
  in_flight_.fetch_sub(1, std::memory_order_acq_rel);
  if (draining_) Nudge();
}

void ServerConnection::OnIdle() {
  if (draining_ && !IsWaitedFor()) Close(Error{ErrorCode::kUnavailable, "the server stops"});
}

void ServerConnection::OnClosed(const Error& why, Rejection) {
  shared_->open[loop_number_].erase(this);
  GiveBytes(std::exchange(receiving_bytes_, 0));
  const bool failed = !identified_ && !shared_->stopping;
  const bool hostile =
      identified_ && (why.code == ErrorCode::kInvalidArgument || why.code == ErrorCode::kTooBig);
  if (failed) shared_->admission.NoteHandshakeFailed();
  if (failed || hostile) {
    if (const auto dropped = shared_->failures.Admit()) {
      LogWarn("rpc", "{} {}: {} ({} more like it were not logged)", remote_,
              failed ? "failed its handshake" : "was closed", Escaped(why.message), *dropped);
    }
  }
  shared_->admission.Disconnect(address_, identified_, peer_.role);
}

}  // namespace metaring::rpc
