// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/frame.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace metaring::rpc {
namespace {

constexpr uint32_t kVersion = 0x80010000;
constexpr uint32_t kVersionMask = 0xffff0000;
// A head without a name, and the end of an empty struct.
constexpr size_t kMessageBytesMin = 4 + 4 + 1 + 4 + 1;

uint32_t LoadBigU32(const char* p) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(p);
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

}  // namespace

Result<Message> ParseMessage(ByteView frame) {
  Reader reader(frame);
  const uint32_t head = reader.BigU32();
  const uint32_t name_bytes = reader.BigU32();
  const uint32_t type = head & ~kVersionMask;
  if (!reader.ok() || (head & kVersionMask) != kVersion || type < 1 || type > 4) {
    return Fail(ErrorCode::kInvalidArgument, "not a message of the strict binary protocol");
  }
  if (name_bytes == 0 || name_bytes > kMethodBytesMax) {
    return Fail(ErrorCode::kInvalidArgument, "a method's name must have 1 to 64 bytes");
  }
  Message message;
  message.type = static_cast<MessageType>(type);
  message.method = reader.Take(name_bytes);
  message.seqid = static_cast<int32_t>(reader.BigU32());
  message.body = reader.rest();
  if (!reader.ok()) return Fail(ErrorCode::kInvalidArgument, "the message's head is cut off");
  return message;
}

Bytes BeginFrame(MessageType type, ByteView method, int32_t seqid, size_t size_hint) {
  Bytes frame;
  frame.reserve(kFrameHeadBytes + 12 + method.size() + size_hint);
  AppendBigU32(frame, 0);
  AppendBigU32(frame, kVersion | static_cast<uint32_t>(type));
  AppendBigU32(frame, static_cast<uint32_t>(method.size()));
  frame.append(method);
  AppendBigU32(frame, static_cast<uint32_t>(seqid));
  return frame;
}

void EndFrame(Bytes& frame) {
  const auto length = static_cast<uint32_t>(frame.size() - kFrameHeadBytes);
  for (size_t i = 0; i < kFrameHeadBytes; ++i) {
    frame[i] = static_cast<char>(length >> (24 - 8 * i) & 0xff);
  }
}

std::span<char> FrameReader::Space(std::span<char> scratch) {
  scratch_ = scratch;
  if (large_ != nullptr && large_->filled == large_->size) large_.reset();
  if (large_ != nullptr) {
    return {large_->bytes.get() + large_->filled, large_->size - large_->filled};
  }
  std::memcpy(scratch.data(), kept_.data(), kept_.size());
  view_ = {scratch.data(), kept_.size()};
  Bytes().swap(kept_);
  return scratch.subspan(view_.size());
}

void FrameReader::Filled(size_t bytes) {
  if (large_ != nullptr) {
    large_->filled += bytes;
  } else {
    view_ = {view_.data(), view_.size() + bytes};
  }
}

Result<std::optional<ByteView>> FrameReader::Next() {
  if (large_ != nullptr) {
    if (large_->filled < large_->size || scratch_.empty()) return std::nullopt;
    scratch_ = {};  // given once
    return ByteView(large_->bytes.get(), large_->size);
  }
  if (view_.size() < kFrameHeadBytes) return std::nullopt;
  const size_t length = LoadBigU32(view_.data());
  if (length > frame_bytes_max_) return Fail(ErrorCode::kTooBig, "the frame is over the limit");
  if (length < kMessageBytesMin) return Fail(ErrorCode::kInvalidArgument, "the frame is too short");
  if (view_.size() - kFrameHeadBytes >= length) {
    const ByteView frame = view_.substr(kFrameHeadBytes, length);
    view_.remove_prefix(kFrameHeadBytes + length);
    return frame;
  }
  if (length + kFrameHeadBytes > scratch_.size()) {
    view_.remove_prefix(kFrameHeadBytes);
    large_ = std::make_unique<Large>();
    large_->bytes = std::make_unique_for_overwrite<char[]>(length);
    large_->size = length;
    large_->filled = view_.size();
    std::memcpy(large_->bytes.get(), view_.data(), view_.size());
    view_ = {};
  }
  return std::nullopt;
}

void FrameReader::Keep() {
  if (large_ != nullptr && large_->filled == large_->size) large_.reset();
  kept_.assign(view_);
  view_ = {};
}

}  // namespace metaring::rpc
