// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/typed_call.h"

namespace metaring::client {

Failure FailureOf(wire::KvError&& refusal) {
  RemoteError said = FromWire(std::move(refusal));
  Failure failure{std::move(said.error)};
  failure.retry_after = said.retry_after;
  failure.elsewhere = failure.error.code == ErrorCode::kUnavailable;
  // Something went wrong within the node, at any time.
  failure.maybe_done = failure.error.code == ErrorCode::kInternal;
  return failure;
}

Failure NonsenseOf(const Error& why) {
  Failure failure{{ErrorCode::kIo, "the node's reply makes no sense: " + why.message}};
  failure.maybe_done = true;
  return failure;
}

}  // namespace metaring::client
