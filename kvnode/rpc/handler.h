// SPDX-License-Identifier: Apache-2.0
//
// Handler: what a server does with requests; Dispatcher: a handler that is a table of methods, with
// the arguments decoded.
#ifndef METARING_KVNODE_RPC_HANDLER_H_
#define METARING_KVNODE_RPC_HANDLER_H_

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "kvnode/rpc/call.h"

namespace metaring::rpc {

// Thread-safe.
class Handler {
 public:
  virtual ~Handler() = default;
  // On an IO thread: it does not block. `arguments` is the method's encoded argument struct, valid
  // during the call.
  virtual void Serve(Call call, ByteView arguments) = 0;
  // The method's encoded result struct with the exception that stands for `error`; empty when the
  // method is not known or declares none (then the peer gets a TApplicationException).
  virtual Bytes EncodeRefusal(ByteView method, const Error& error) const = 0;
};

// Filled first, then immutable.
class Dispatcher : public Handler {
 public:
  using RefusalEncoder = std::function<Bytes(ByteView method, const Error& error)>;

  explicit Dispatcher(RefusalEncoder encode_refusal) : encode_refusal_(std::move(encode_refusal)) {}

  // `serve(Call, Arguments&)`; Arguments is the generated argument struct, `Service_method_args`,
  // whose fields may be moved out.
  template <typename Arguments, typename Serve>
  void Add(const std::string& method, Serve serve) {
    methods_[method] = [serve = std::move(serve)](Call call, ByteView raw) {
      Decoded<Arguments> arguments(raw);
      if (!arguments.status()) return call.Refuse(arguments.status().error());
      serve(std::move(call), *arguments);
    };
  }

  void Serve(Call call, ByteView arguments) override {
    const auto method = methods_.find(call.method());
    if (method != methods_.end()) return method->second(std::move(call), arguments);
    call.Refuse(Error{ErrorCode::kUnsupported, "unknown method"});
  }
  Bytes EncodeRefusal(ByteView method, const Error& error) const override {
    return encode_refusal_(method, error);
  }

 private:
  using ServeRaw = std::function<void(Call, ByteView)>;

  const RefusalEncoder encode_refusal_;
  std::map<std::string, ServeRaw, std::less<>> methods_;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_HANDLER_H_
