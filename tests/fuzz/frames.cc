// SPDX-License-Identifier: Apache-2.0
//
// frames: a stream of bytes from a peer, in pieces. However it is cut, the same frames come out, no
// more memory is taken than was allowed, and what is a message is one.
//
//   input = piece(u8) stops(u8) stream
//   piece: how many bytes come at a time; 0: all that fit
//   stops: two bits for each of four turns, over and over: 0: all frames are taken, else one less
//          than this; in the fifth turn all are
#include <algorithm>
#include <array>

#include "kvnode/base/check.h"
#include "kvnode/rpc/codec.h"
#include "kvnode/rpc/frame.h"
#include "tests/fuzz/fuzz_target.h"

namespace metaring::fuzz {
namespace {

constexpr rpc::FrameLimits kLimits{2000, 5000};
constexpr size_t kMayTakeBytes = 1500;

struct Cut {
  std::vector<Bytes> frames;  // those that are skipped begin with '~'
  bool broken = false;
};

Cut CutStream(ByteView stream, size_t piece_bytes, unsigned stops) {
  std::array<char, 512> scratch{};
  Cut cut;
  rpc::FrameReader reader(kLimits, [](size_t bytes) {
    CHECK(bytes <= kLimits.frame_bytes_max);
    return bytes <= kMayTakeBytes;
  });
  bool all_taken = true;
  for (unsigned turn = 0; !stream.empty() || !all_taken; ++turn) {
    const unsigned stop = stops >> turn % 5 * 2 & 3;
    const std::span<char> space = reader.Space(scratch);
    CHECK(!space.empty() || !all_taken);
    const size_t count = std::min({stream.size(), space.size(), piece_bytes});
    std::copy_n(stream.begin(), count, space.begin());
    reader.Filled(count);
    stream.remove_prefix(count);
    all_taken = false;
    for (unsigned taken = 0; stop == 0 || taken + 1 < stop; ++taken) {
      const auto frame = reader.Next();
      if (!frame) {
        cut.broken = true;
        return cut;
      }
      all_taken = !*frame;
      if (all_taken) break;
      const auto& [content, skipped] = **frame;
      CHECK(content.size() <= (skipped ? rpc::kMessageHeadBytesMax : kLimits.frame_bytes_max));
      cut.frames.push_back((skipped ? "~" : "") + Bytes(content));
    }
    reader.Keep();
    scratch.fill('#');
  }
  return cut;
}

void LookAt(ByteView frame) {
  const auto message = rpc::ParseMessage(frame);
  if (!message) return;
  CHECK(!message->method.empty() && message->method.size() <= rpc::kMethodBytesMax);
  Bytes again = rpc::BeginFrame(message->type, message->method, message->seqid);
  again += message->body;
  CHECK(ByteView(again).substr(rpc::kFrameHeadBytes) == frame);
  Ended(rpc::DecodeApplicationException(message->body));
}

}  // namespace

void RunInput(ByteView input) {
  if (input.size() < 2) return;
  const auto piece = static_cast<unsigned char>(input[0]);
  const auto stops = static_cast<unsigned char>(input[1]);
  const ByteView stream = input.substr(2);
  const Cut cut = CutStream(stream, piece == 0 ? SIZE_MAX : piece, stops);
  const Cut whole = CutStream(stream, SIZE_MAX, 0);
  CHECK(cut.frames == whole.frames && cut.broken == whole.broken);
  for (const Bytes& frame : cut.frames) LookAt(frame);
}

std::vector<Bytes> Seeds() {
  const auto frame = [](rpc::MessageType type, size_t body_bytes) {
    Bytes made = rpc::BeginFrame(type, "get", 7);
    made.append(body_bytes, '\0');
    rpc::EndFrame(made);
    return made;
  };
  Bytes exception = rpc::BeginFrame(rpc::MessageType::kException, "put", 1);
  rpc::AppendApplicationException(exception, Error{ErrorCode::kUnsupported, "what is that"});
  rpc::EndFrame(exception);
  const Bytes small = frame(rpc::MessageType::kCall, 1);
  return {Bytes("\0\1", 2) + small + small,
          Bytes("\7\0", 2) + small + frame(rpc::MessageType::kReply, 700) + small,
          Bytes("\0\7", 2) + small + frame(rpc::MessageType::kReply, 700) + small,
          Bytes("\0\0", 2) + frame(rpc::MessageType::kOneway, 1600) + small,
          Bytes("\1\0", 2) + frame(rpc::MessageType::kCall, 3000) + small,
          Bytes("\2\5", 2) + exception,
          Bytes("\0\0", 2) + "GET / HTTP/1.1\r\n\r\n"};
}

}  // namespace metaring::fuzz
