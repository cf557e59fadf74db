// SPDX-License-Identifier: Apache-2.0
//
// Frames and message headers as stock Thrift has them (TFramedTransport over the strict
// TBinaryProtocol); numbers are big-endian:
//
//   frame   = u32 length, message          length: of the message; at most frame_bytes_max
//   message = u32 version | type, u32 name length, name, i32 seqid, body
//   version = 0x80010000;  type = 1 call | 2 reply | 3 exception | 4 oneway
//   name    = the method's, 1 to 64 bytes
//   body    = one struct: the arguments, the result, or a TApplicationException
//
// A call of `echo` with seqid 7 whose arguments are an empty struct:
//   00 00 00 11  80 01 00 01  00 00 00 04  65 63 68 6f  00 00 00 07  00
//
// Nothing here believes a length before it is compared with what may be, or with what is there.
#ifndef METARING_KVNODE_RPC_FRAME_H_
#define METARING_KVNODE_RPC_FRAME_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::rpc {

constexpr size_t kFrameHeadBytes = 4;
constexpr size_t kMethodBytesMax = 64;
// In so many bytes the message's head is whole, whatever its method.
constexpr size_t kMessageHeadBytesMax = 12 + kMethodBytesMax;
// What one connection may read in one turn before others have theirs.
constexpr size_t kTurnBytes = 32'768;

enum class MessageType : uint8_t { kCall = 1, kReply = 2, kException = 3, kOneway = 4 };

struct Message {
  MessageType type = MessageType::kCall;
  ByteView method;
  int32_t seqid = 0;
  ByteView body;
};

// The parts of a frame's content, as views of it. kInvalidArgument.
Result<Message> ParseMessage(ByteView frame);

// The beginning of a frame: length (to be set by EndFrame), then the message's head. The body is
// appended next. `size_hint`: bytes that the body may take.
Bytes BeginFrame(MessageType type, ByteView method, int32_t seqid, size_t size_hint = 256);
void EndFrame(Bytes& frame);

struct FrameLimits {
  size_t frame_bytes_max = 0;
  // Longer frames are skipped if they are no longer than this.
  size_t skip_bytes_max = 0;
};

struct Frame {
  // All of it; or, of a frame that is skipped, its first kMessageHeadBytesMax bytes at most, so
  // that the peer can be told which one it was.
  ByteView content;
  bool skipped = false;
};

// Cuts a stream of bytes into frames. One caller.
//
// Bytes are read into a scratch buffer that many readers share in turn; what is left of a turn is
// kept here. A frame that is larger than the scratch has memory of its own, where the stream's
// bytes are read to directly; its pages are touched only as they arrive. With nothing begun, a
// reader holds no memory. The rest of a frame that is skipped is thrown away as it arrives.
class FrameReader {
 public:
  // Asked once for each frame that needs memory of its own: it has so many bytes. False: there is
  // none for it now, and it is skipped.
  using MayTake = std::function<bool(size_t bytes)>;

  explicit FrameReader(const FrameLimits& limits, MayTake may_take = nullptr)
      : limits_(limits), may_take_(std::move(may_take)) {}

  // Where the stream's next bytes go; empty when the scratch is full of what is not taken yet, or
  // a large frame is.
  std::span<char> Space(std::span<char> scratch);
  // So many of them are there.
  void Filled(size_t bytes);
  // The next frame, valid until the next call of anything but Keep(); absent when more bytes are
  // needed. kTooBig or kInvalidArgument for a length out of bounds: the stream cannot be read on.
  Result<std::optional<Frame>> Next();
  // The scratch is needed by others: keeps what Next() has not given yet.
  void Keep();

  // A frame has begun and is not whole.
  bool in_frame() const {
    return large_ != nullptr || skip_bytes_ > 0 || !kept_.empty() || !view_.empty();
  }
  // Bytes of a frame with memory of its own are still to come.
  bool in_large_frame() const { return large_ != nullptr && large_->filled < large_->size; }

 private:
  struct Large {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
    size_t filled = 0;
    bool given = false;  // by Next(): then it goes
  };

  std::optional<Frame> NextSkipped();
  void BeginLarge(size_t length);

  const FrameLimits limits_;
  const MayTake may_take_;
  std::span<char> scratch_;
  ByteView view_;  // of the scratch: not given yet
  Bytes kept_;     // between turns, in place of view_
  std::unique_ptr<Large> large_;
  size_t skip_bytes_ = 0;          // of the frame that is skipped: still to come
  bool skipped_head_due_ = false;  // its beginning was not given yet
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_FRAME_H_
