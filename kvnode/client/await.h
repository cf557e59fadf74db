// SPDX-License-Identifier: Apache-2.0
//
// Await: a call with a callback as one that waits: a fiber gives its thread away, a thread blocks.
#ifndef METARING_KVNODE_CLIENT_AWAIT_H_
#define METARING_KVNODE_CLIENT_AWAIT_H_

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "kvnode/base/result.h"
#include "kvnode/client/node_set.h"
#include "kvnode/client/remote_call.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::client {

// `begin` gets the callback, void(Result<T>), which is called once. It returns the call, which is
// cancelled with the calling task (fiber.h), or null when the callback has come already; or
// nothing, when it cannot be cancelled. A task that was cancelled before begins nothing:
// kCancelled. On an IO thread of the client, whose callbacks would then never come, nothing is
// begun and it is kUnsupported; a fiber may wait wherever it runs.
template <typename T, typename Begin>
Result<T> Await(const NodeSet& nodes, Begin begin) {
  if (fiber::CurrentTask() == nullptr && nodes.OnOwnThread()) {
    return Fail(ErrorCode::kUnsupported, "a callback of the client must not wait for the client");
  }
  if (fiber::Cancelled()) return Fail(ErrorCode::kCancelled, "cancelled before it was sent");
  fiber::Baton ended;
  std::optional<Result<T>> outcome;
  const auto done = [&](Result<T> result) {
    outcome.emplace(std::move(result));
    ended.Post();
  };
  if constexpr (std::is_void_v<decltype(begin(done))>) {
    begin(done);
    ended.Wait();
  } else if (const std::shared_ptr<RemoteCall> call = begin(done); call != nullptr) {
    const fiber::CancelScope scope(*call);
    ended.Wait();
  }
  return *std::move(outcome);
}

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_AWAIT_H_
