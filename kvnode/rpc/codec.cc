// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/codec.h"

#include <thrift/TApplicationException.h>
#include <thrift/transport/TTransportException.h>

#include <algorithm>
#include <limits>

namespace metaring::rpc {
namespace {

using apache::thrift::TApplicationException;

constexpr size_t kMessageTextMax = 512;

std::unique_ptr<Wire>& ThreadWire() {
  thread_local std::unique_ptr<Wire> wire;
  if (wire == nullptr) {
    wire = std::make_unique<Wire>();
    wire->protocol.setRecurisionLimit(kNestingMax);
  }
  return wire;
}

TApplicationException::TApplicationExceptionType TypeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnsupported:
      return TApplicationException::UNKNOWN_METHOD;
    case ErrorCode::kInvalidArgument:
      return TApplicationException::PROTOCOL_ERROR;
    default:
      return TApplicationException::INTERNAL_ERROR;
  }
}

ErrorCode CodeOf(TApplicationException::TApplicationExceptionType type) {
  switch (type) {
    case TApplicationException::UNKNOWN_METHOD:
      return ErrorCode::kUnsupported;
    case TApplicationException::PROTOCOL_ERROR:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

void MemoryTransport::Truncated() {
  using apache::thrift::transport::TTransportException;
  throw TTransportException(TTransportException::END_OF_FILE);
}

void MemoryTransport::WriteThrough(const uint8_t* data, uint32_t count) {
  EndWrite();
  out_->append(reinterpret_cast<const char*>(data), count);
}

Wire& WireFor(ByteView raw) {
  Wire& wire = *ThreadWire();
  wire.memory->ReadFrom(raw);
  // Zero would mean no limit.
  const size_t bytes = std::clamp<size_t>(raw.size(), 1, std::numeric_limits<int32_t>::max());
  wire.protocol.setStringSizeLimit(static_cast<int32_t>(bytes));
  wire.protocol.setContainerSizeLimit(std::min(static_cast<int32_t>(bytes), kContainerMax));
  return wire;
}

Wire& WireInto(Bytes& out) {
  Wire& wire = *ThreadWire();
  wire.memory->WriteTo(&out);
  return wire;
}

Error DecodeFailed(const apache::thrift::TException& exception) {
  ThreadWire().reset();
  return Error{ErrorCode::kInvalidArgument,
               std::string("the message does not decode: ") + exception.what()};
}

void AppendApplicationException(Bytes& out, const Error& error) {
  Wire& wire = WireInto(out);
  TApplicationException(TypeOf(error.code), error.message).write(&wire.protocol);
  wire.memory->EndWrite();
}

Error DecodeApplicationException(ByteView raw) {
  try {
    TApplicationException exception;
    exception.read(&WireFor(raw).protocol);
    const ByteView text(exception.what());
    return Error{CodeOf(exception.getType()), Escaped(text, kMessageTextMax)};
  } catch (const apache::thrift::TException& exception) {
    return DecodeFailed(exception);
  }
}

}  // namespace metaring::rpc
