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
  if (large_ != nullptr && large_->given) large_.reset();
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

Result<std::optional<Frame>> FrameReader::Next() {
  if (large_ != nullptr) {
    if (large_->filled < large_->size || large_->given) return std::nullopt;
    large_->given = true;
    return Frame{{large_->bytes.get(), large_->size}};
  }
  if (skip_bytes_ > 0) {
    if (skipped_head_due_) return NextSkipped();
    const size_t count = std::min(skip_bytes_, view_.size());
    view_.remove_prefix(count);
    skip_bytes_ -= count;
  }
  if (view_.size() < kFrameHeadBytes) return std::nullopt;
  const size_t length = LoadBigU32(view_.data());
  if (length > std::max(limits_.frame_bytes_max, limits_.skip_bytes_max)) {
    return Fail(ErrorCode::kTooBig, "the frame is over the limit");
  }
  if (length < kMessageBytesMin) return Fail(ErrorCode::kInvalidArgument, "the frame is too short");
  const bool large = length + kFrameHeadBytes > scratch_.size();
  if (length > limits_.frame_bytes_max || (large && may_take_ && !may_take_(length))) {
    view_.remove_prefix(kFrameHeadBytes);
    skip_bytes_ = length;
    skipped_head_due_ = true;
    return NextSkipped();
  }
  if (large) {
    BeginLarge(length);
    return std::nullopt;
  }
  if (view_.size() - kFrameHeadBytes < length) return std::nullopt;
  const ByteView content = view_.substr(kFrameHeadBytes, length);
  view_.remove_prefix(kFrameHeadBytes + length);
  return Frame{content};
}

std::optional<Frame> FrameReader::NextSkipped() {
  const size_t count = std::min(skip_bytes_, kMessageHeadBytesMax);
  if (view_.size() < count) return std::nullopt;
  skipped_head_due_ = false;
  skip_bytes_ -= count;
  const ByteView head = view_.substr(0, count);
  view_.remove_prefix(count);
  return Frame{head, true};
}

void FrameReader::BeginLarge(size_t length) {
  view_.remove_prefix(kFrameHeadBytes);
  large_ = std::make_unique<Large>();
  large_->bytes = std::make_unique_for_overwrite<char[]>(length);
  large_->size = length;
  large_->filled = view_.size();
  std::memcpy(large_->bytes.get(), view_.data(), view_.size());
  view_ = {};
}

void FrameReader::Keep() {
  if (large_ != nullptr && large_->given) large_.reset();
  kept_.assign(view_);
  view_ = {};
}

}  // namespace metaring::rpc
