// SPDX-License-Identifier: Apache-2.0
//
// Thrift structs to bytes and back, in the binary protocol. This is where Thrift's exceptions end.
//
// Decoding trusts nothing: a string is never longer, and a container never has more elements, than
// bytes are left (the smallest element is one byte), a container has at most kContainerMax
// elements, nesting ends at kNestingMax, and what follows the struct is an error. So a message can
// make the decoder take memory for kContainerMax elements of each list that it has, no more.
//
// Copies: strings are copied once, out of the frame; encoding copies them once, into the frame.
#ifndef METARING_KVNODE_RPC_CODEC_H_
#define METARING_KVNODE_RPC_CODEC_H_

#include <thrift/Thrift.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TTransport.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::rpc {

constexpr int32_t kContainerMax = 65'536;
constexpr int kNestingMax = 64;

// A transport of Thrift over bytes that are there: reads a view, appends to a buffer. One caller.
// Of what is written it holds some back, because a protocol writes a few bytes at a time.
class MemoryTransport : public apache::thrift::transport::TTransport {
 public:
  void ReadFrom(ByteView raw) { rest_ = raw; }
  void WriteTo(Bytes* out) {
    out_ = out;
    held_bytes_ = 0;
  }
  // The buffer has everything then.
  void EndWrite() {
    out_->append(held_.data(), held_bytes_);
    held_bytes_ = 0;
  }
  bool AllRead() const { return rest_.empty(); }

  // By these names the protocol calls it.
  uint32_t readAll(uint8_t* out, uint32_t count) {
    std::memcpy(out, borrow(nullptr, &count), count);
    consume(count);
    return count;
  }
  const uint8_t* borrow(uint8_t*, const uint32_t* count) {
    if (*count > rest_.size()) Truncated();
    return reinterpret_cast<const uint8_t*>(rest_.data());
  }
  void consume(uint32_t count) { rest_.remove_prefix(count); }
  void write(const uint8_t* data, uint32_t count) {
    if (count > held_.size() - held_bytes_) return WriteThrough(data, count);
    std::memcpy(held_.data() + held_bytes_, data, count);
    held_bytes_ += count;
  }
  // The least that a container's elements can take.
  void checkReadBytesAvailable(long count) const {
    if (count < 0 || static_cast<size_t>(count) > rest_.size()) Truncated();
  }

 private:
  [[noreturn]] static void Truncated();
  void WriteThrough(const uint8_t* data, uint32_t count);

  ByteView rest_;
  Bytes* out_ = nullptr;
  std::array<char, 4096> held_;
  size_t held_bytes_ = 0;
};

using Protocol = apache::thrift::protocol::TBinaryProtocolT<MemoryTransport>;

struct Wire {
  std::shared_ptr<MemoryTransport> memory = std::make_shared<MemoryTransport>();
  Protocol protocol{memory, 0, 0, true, true};
};

// This thread's, set to read `raw`. A protocol costs allocations to make, so each thread keeps one.
Wire& WireFor(ByteView raw);
Wire& WireInto(Bytes& out);
// The error of a struct that did not decode. The thread's protocol is made anew: an exception can
// leave its depth of nesting wrong.
Error DecodeFailed(const apache::thrift::TException& exception);

template <typename Struct>
void AppendEncoded(Bytes& out, const Struct& value) {
  Wire& wire = WireInto(out);
  value.write(&wire.protocol);
  wire.memory->EndWrite();
}

// A struct that was decoded, or why it does not decode (kInvalidArgument). It is read in place and
// stays there, because the compiler of Thrift 0.17 declares moves of argument and result structs
// that it does not define; their fields can be moved out.
template <typename Struct>
class Decoded {
 public:
  explicit Decoded(ByteView raw) { status_ = Read(raw); }
  ~Decoded() = default;
  Decoded(const Decoded&) = delete;
  Decoded& operator=(const Decoded&) = delete;

  const Status& status() const { return status_; }
  // Only when status() is good.
  Struct& operator*() { return value_; }
  Struct* operator->() { return &value_; }

 private:
  Status Read(ByteView raw) {
    try {
      Wire& wire = WireFor(raw);
      value_.read(&wire.protocol);
      if (wire.memory->AllRead()) return {};
      return Fail(ErrorCode::kInvalidArgument, "bytes follow the message");
    } catch (const apache::thrift::TException& exception) {
      return Fail(DecodeFailed(exception));
    }
  }

  Struct value_;
  Status status_;
};

// A TApplicationException: what Thrift itself answers with, when a method has no answer of its own.
void AppendApplicationException(Bytes& out, const Error& error);
// What it says as an Error: kUnsupported for an unknown method, kInvalidArgument for a message that
// the other side could not read, otherwise kInternal.
Error DecodeApplicationException(ByteView raw);

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_CODEC_H_
