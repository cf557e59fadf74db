// SPDX-License-Identifier: Apache-2.0
//
// Call: one request on its way to an answer. Whoever has it answers it, once, from any thread and
// in any order; a call that is destroyed unanswered is answered as an internal error, so that no
// request is forgotten.
#ifndef METARING_KVNODE_RPC_CALL_H_
#define METARING_KVNODE_RPC_CALL_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/rpc/codec.h"
#include "kvnode/rpc/frame.h"
#include "kvnode/rpc/identity.h"

namespace metaring::rpc {

// The connection as a call sees it. Thread-safe.
class CallOrigin {
 public:
  virtual ~CallOrigin() = default;
  virtual const Identity& peer() const = 0;
  virtual const std::string& remote_address() const = 0;  // "127.0.0.1:4711", "[::1]:4711"
  virtual bool gone() const = 0;
  virtual size_t answer_bytes_max() const = 0;
  // Ends one call, whose request had so many bytes: sends its answer, if it has one.
  virtual void Answer(Bytes frame, size_t request_bytes) = 0;
  // The body of a failed answer to a method; empty when the method has none.
  virtual Bytes EncodeRefusal(ByteView method, const Error& error) const = 0;
};

// One caller at a time; may outlive the server's Stop.
class Call {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Call(std::shared_ptr<CallOrigin> origin, const Message& message, size_t request_bytes)
      : origin_(std::move(origin)),
        request_bytes_(request_bytes),
        method_(message.method),
        seqid_(message.seqid),
        oneway_(message.type == MessageType::kOneway) {}
  ~Call();
  Call(Call&&) noexcept = default;
  Call& operator=(Call&&) = delete;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::string& method() const { return method_; }
  const Identity& peer() const { return origin_->peer(); }
  const std::string& remote_address() const { return origin_->remote_address(); }
  // The connection is gone: nobody will read the answer.
  bool cancelled() const { return origin_->gone(); }
  // As the request says; the handler reads it there and sets it. Without, there is none.
  TimePoint deadline() const { return deadline_; }
  void set_deadline(TimePoint deadline) { deadline_ = deadline; }

  // The frame of an answer, for ReplyEncoded; kTooBig when it is over the limit. `result` is the
  // method's generated result struct.
  template <typename ResultStruct>
  Result<Bytes> Encode(const ResultStruct& result) const {
    if (oneway_) return Bytes();
    Bytes frame = BeginFrame(MessageType::kReply, method_, seqid_);
    AppendEncoded(frame, result);
    if (frame.size() - kFrameHeadBytes > origin_->answer_bytes_max()) return Fail(TooBig());
    return frame;
  }

  // Each of these ends the call.
  void ReplyEncoded(Bytes frame) { Finish(std::move(frame)); }
  // A result that is over the limit is refused as kTooBig instead.
  template <typename ResultStruct>
  void Reply(const ResultStruct& result) {
    Result<Bytes> frame = Encode(result);
    if (!frame) return Refuse(frame.error());
    ReplyEncoded(*std::move(frame));
  }
  // The typed exception that the handler makes of it, or Thrift's own.
  void Refuse(const Error& error);

 private:
  Error TooBig() const;
  void Finish(Bytes frame);

  std::shared_ptr<CallOrigin> origin_;  // null once answered, or moved from
  size_t request_bytes_;
  std::string method_;
  int32_t seqid_;
  bool oneway_;
  TimePoint deadline_ = TimePoint::max();
};

// The frame of a failed answer.
Bytes RefusalFrame(const CallOrigin& origin, ByteView method, int32_t seqid, const Error& error);

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_CALL_H_
