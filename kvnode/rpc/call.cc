// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/call.h"

#include <fmt/format.h>

#include "kvnode/base/check.h"

namespace metaring::rpc {

Call::~Call() {
  if (origin_ != nullptr) Refuse(Error{ErrorCode::kInternal, "the request was dropped"});
}

void Call::Refuse(const Error& error) {
  if (oneway_) return Finish({});
  Finish(RefusalFrame(*origin_, method_, seqid_, error));
}

Error Call::TooBig() const {
  return {ErrorCode::kTooBig, fmt::format("the answer is over the limit of a frame, {} bytes",
                                          origin_->answer_bytes_max())};
}

void Call::Finish(Bytes frame) {
  CHECK(origin_ != nullptr);
  if (!frame.empty()) EndFrame(frame);
  std::exchange(origin_, nullptr)->Answer(std::move(frame), request_bytes_);
}

Bytes RefusalFrame(const CallOrigin& origin, ByteView method, int32_t seqid, const Error& error) {
  const Bytes typed = origin.EncodeRefusal(method, error);
  Bytes frame = BeginFrame(typed.empty() ? MessageType::kException : MessageType::kReply, method,
                           seqid, typed.size());
  if (typed.empty()) {
    AppendApplicationException(frame, error);
  } else {
    frame.append(typed);
  }
  return frame;
}

}  // namespace metaring::rpc
