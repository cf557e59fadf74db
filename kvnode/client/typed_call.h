// SPDX-License-Identifier: Apache-2.0
//
// TypedCall: a RemoteCall of one method of kv.thrift: encodes its request, turns its reply into a
// value of ours, and gives that to whoever asked.
#ifndef METARING_KVNODE_CLIENT_TYPED_CALL_H_
#define METARING_KVNODE_CLIENT_TYPED_CALL_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "kvnode/client/methods.h"
#include "kvnode/client/remote_call.h"
#include "kvnode/client/wire.h"
#include "kvnode/rpc/codec.h"

namespace metaring::client {

// A node's refusal, as one attempt that failed.
Failure FailureOf(wire::KvError&& refusal);
// A reply that makes no sense: of a write it is not known what it did.
Failure NonsenseOf(const Error& why);

// `Convert`: Result<Value>(Reply&&). `Done`: void(Result<Value>).
template <typename MethodOf, typename Convert, typename Done>
class TypedCall final : public RemoteCall {
 public:
  using Value = typename std::invoke_result_t<Convert&, typename MethodOf::Reply&&>::value_type;

  TypedCall(NodeSet& nodes, const MethodOf& method_of, typename MethodOf::Request request,
            Repeatable repeatable, TimePoint deadline, Convert convert, Done done)
      : RemoteCall(nodes, repeatable, deadline),
        method_(method_of),
        convert_(std::move(convert)),
        done_(std::move(done)) {
    arguments_.request = std::move(request);
    arguments_.__isset.request = true;
  }

 protected:
  const char* method() const override { return method_.name; }

  Bytes Encode(std::chrono::milliseconds left) override {
    const auto deadline_ms = static_cast<int32_t>(std::min(left, kRequestDeadlineMax).count());
    if constexpr (requires { arguments_.request.target; }) {
      arguments_.request.target.__set_deadline_ms(deadline_ms);
    } else if constexpr (requires { arguments_.request.deadline_ms; }) {
      arguments_.request.__set_deadline_ms(deadline_ms);
    }
    Bytes frame = rpc::BeginFrame(rpc::MessageType::kCall, method_.name, 0);
    rpc::AppendEncoded(frame, arguments_);
    return frame;
  }

  std::optional<Failure> TakeReply(ByteView raw) override {
    rpc::Decoded<typename MethodOf::Result> result(raw);
    if (!result.status()) return NonsenseOf(result.status().error());
    if (result->__isset.error) return FailureOf(std::move(result->error));
    if (!result->__isset.success) {
      return NonsenseOf({ErrorCode::kInvalidArgument, "it is empty"});
    }
    Result<Value> value = convert_(std::move(result->success));
    if (!value) return NonsenseOf(value.error());
    value_.emplace(std::move(*value));
    return std::nullopt;
  }

  void Deliver(Status status) override {
    if (!status) return done_(Result<Value>(Fail(std::move(status).error())));
    done_(Result<Value>(std::move(*value_)));
  }

 private:
  const MethodOf method_;
  typename MethodOf::Arguments arguments_;
  Convert convert_;
  Done done_;
  std::optional<Value> value_;
};

// Begins it. `done` is called once: on an IO thread, or before this returns when nothing was sent.
template <typename MethodOf, typename Convert, typename Done>
std::shared_ptr<RemoteCall> BeginCall(NodeSet& nodes, const MethodOf& method,
                                      typename MethodOf::Request request, Repeatable repeatable,
                                      RemoteCall::TimePoint deadline, Convert convert, Done done) {
  auto call = std::make_shared<TypedCall<MethodOf, Convert, Done>>(
      nodes, method, std::move(request), repeatable, deadline, std::move(convert), std::move(done));
  call->Start();
  return call;
}

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_TYPED_CALL_H_
