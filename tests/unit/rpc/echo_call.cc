// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rpc/echo_call.h"

#include <Echo.h>

#include <Echo.tcc>
#include <echo_types.tcc>
#include <utility>

namespace metaring::rpc {
namespace {

Result<Bytes> PayloadOf(const Result<ByteView>& reply) {
  if (!reply) return Fail(reply.error());
  Decoded<echo::Echo_echo_result> result(*reply);
  RETURN_IF_ERROR(result.status());
  if (!result->__isset.success) return Fail(ErrorCode::kInternal, result->error.message);
  return std::move(result->success.payload);
}

}  // namespace

EchoCall::EchoCall(Channel& channel, Bytes payload, std::chrono::milliseconds deadline) {
  auto outcome = std::make_shared<std::promise<Result<Bytes>>>();
  outcome_ = outcome->get_future();
  echo::Echo_echo_args arguments;
  arguments.request.__set_payload(payload);
  id_ = channel.Call("echo", arguments, std::chrono::steady_clock::now() + deadline,
                     [outcome](Result<ByteView> reply) { outcome->set_value(PayloadOf(reply)); });
}

ErrorCode CodeOf(const Result<Bytes>& outcome) {
  return outcome ? ErrorCode::kInternal : outcome.error().code;
}

}  // namespace metaring::rpc
