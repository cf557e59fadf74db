// SPDX-License-Identifier: Apache-2.0
//
// Channel: the client's side of one connection, with many calls in flight, told apart by seqid.
//
// It connects on demand: by the first call, or by the first after the connection broke. After a
// failed attempt it waits (doubling from backoff_min to backoff_max, each wait a random part of the
// upper half); calls meanwhile fail at once, so that the caller can turn to another node. It never
// sends a call twice: that is for who knows whether it may be.
//
// How a call ends:
//   a reply           its body; decoding it is the caller's (codec.h)
//   kUnavailable      surely not received: no connection, or it broke before all of it was written,
//                     or the server refused the handshake
//   kBusy             surely not sent: over a bound of the channel
//   kPermissionDenied surely not received, and no retry helps: the server's certificate is not
//                     accepted, or it does not accept ours (which file, and why, is in the message)
//   kTooBig           the reply is over the limit of a frame: the request was received. When the
//                     message ends in "before it was sent", it is the request that is
//   kUnknownOutcome   the connection broke after it was written: it may have been received
//   kDeadlineExceeded, kCancelled   it may have been received, unless the message ends in
//                     "before it was sent"; a late reply is dropped
//   others            what a TApplicationException of the server said (DecodeApplicationException),
//                     or, surely not sent, what the greeting's `accept` said
#ifndef METARING_KVNODE_RPC_CHANNEL_H_
#define METARING_KVNODE_RPC_CHANNEL_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/rpc/codec.h"
#include "kvnode/rpc/frame.h"
#include "kvnode/rpc/io_threads.h"
#include "kvnode/rpc/tls.h"

namespace metaring::rpc {

// Asked first on each new connection; the channel's calls wait until its answer was accepted. So a
// client learns on every connection with whom it speaks, before it asks for anything.
struct Greeting {
  std::string method;
  // Makes the frame: as CallEncoded takes it. On the IO thread.
  std::function<Bytes()> make;
  // An error ends the connection, as an attempt that failed, and the calls that wait with its code.
  // On the IO thread; it does not block.
  std::function<Status(const Result<ByteView>& reply)> accept;
};

struct ChannelOptions {
  std::string host;  // a name or a numeric address; names are resolved by getaddrinfo(3)
  uint16_t port = 0;
  // Without: plain text, which needs the next option and a loopback address.
  std::shared_ptr<const TlsContext> tls;
  bool allow_insecure_plain_text = false;
  std::string server_name;  // that its certificate must have; empty: `host`
  std::optional<Greeting> greeting;

  size_t frame_bytes_max = size_t{20} << 20;          // of requests and replies
  size_t calls_max = 65'536;                          // in flight or waiting; over it kBusy
  size_t queue_bytes_max = size_t{64} << 20;          // requests not written yet; over it kBusy
  std::chrono::milliseconds connect_deadline{5'000};  // with handshake and greeting
  std::chrono::milliseconds write_deadline{30'000};   // as ServerLimits::write_deadline
  std::chrono::milliseconds backoff_min{50};
  std::chrono::milliseconds backoff_max{5'000};
};

// Names a call of one channel; never used again by it.
using CallId = uint64_t;

class ChannelCore;

// Thread-safe.
class Channel {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // Called once, on the channel's IO thread, with no lock held; it does not block. The view is the
  // result struct, valid during the call.
  using Callback = std::function<void(Result<ByteView> reply)>;

  // `threads` outlives the channel. Nothing is connected yet.
  Channel(IoThreads& threads, ChannelOptions options);
  ~Channel();  // closes
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Calls `method`, a name that outlives the call, with its generated argument struct. The callback
  // comes in every case; on the channel's own thread never before Call has returned.
  template <typename Arguments>
  CallId Call(ByteView method, const Arguments& arguments, TimePoint deadline, Callback callback) {
    Bytes frame = BeginFrame(MessageType::kCall, method, 0);
    AppendEncoded(frame, arguments);
    return CallEncoded(method, std::move(frame), deadline, std::move(callback));
  }
  // The same with a frame that was begun by BeginFrame(kCall, method, 0) and has its body.
  CallId CallEncoded(ByteView method, Bytes frame, TimePoint deadline, Callback callback);
  // Ends the call now with kCancelled, if it has not ended.
  void Cancel(CallId id);
  // Closes the connection, as if it had broken; the next call connects anew.
  void Disconnect();
  // For good: calls in flight end (kUnavailable or kUnknownOutcome) by callbacks that still come,
  // as do later ones (kUnavailable).
  void Close();
  // A connection is there and its handshake is done.
  bool connected() const;

 private:
  const std::shared_ptr<ChannelCore> core_;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_CHANNEL_H_
