// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rpc/echo_service.h"

#include <Echo.h>

#include <Echo.tcc>
#include <cstdlib>
#include <echo_types.tcc>

#include "kvnode/base/check.h"

namespace metaring::rpc {
namespace {

Bytes EncodeRefusal(ByteView method, const Error& error) {
  if (method != "echo") return {};
  echo::Echo_echo_result result;
  result.error.__set_code(static_cast<int32_t>(error.code));
  result.error.__set_message(error.message);
  result.__isset.error = true;
  Bytes out;
  AppendEncoded(out, result);
  return out;
}

int DepthOf(const echo::Nest& nest) {
  return nest.nests.empty() ? 1 : 1 + DepthOf(nest.nests.front());
}

}  // namespace

void Reply(Call& call, Bytes payload) {
  echo::Echo_echo_result result;
  result.success.__set_payload(payload);
  result.__isset.success = true;
  call.Reply(result);
}

EchoService::EchoService() : dispatcher_(EncodeRefusal) {
  dispatcher_.Add<echo::Echo_echo_args>("echo", [this](Call call, echo::Echo_echo_args& arguments) {
    Echo(std::move(call), std::move(arguments.request.payload));
  });
  dispatcher_.Add<echo::Echo_depth_args>("depth", [](Call call, echo::Echo_depth_args& arguments) {
    echo::Echo_depth_result result;
    result.success = DepthOf(arguments.nest);
    result.__isset.success = true;
    call.Reply(result);
  });
  dispatcher_.Add<echo::Echo_note_args>("note", [this](const Call&, echo::Echo_note_args&) {
    const MutexLock lock(mutex_);
    ++notes_;
    more_.NotifyAll();
  });
}

void EchoService::Echo(Call call, Bytes payload) {
  if (payload == "drop") return;
  if (payload == "hold") {
    const MutexLock lock(mutex_);
    held_.push_back(std::move(call));
    more_.NotifyAll();
    return;
  }
  if (payload.starts_with("big ")) {
    return Reply(call, Bytes(std::strtoul(payload.c_str() + 4, nullptr, 10), 'b'));
  }
  if (payload == "who") {
    return Reply(call, std::string(RoleName(call.peer().role)) + " " + call.peer().name);
  }
  Reply(call, std::move(payload));
}

std::vector<Call> EchoService::TakeHeld(size_t count) {
  const MutexLock lock(mutex_);
  while (held_.size() < count) more_.Wait(mutex_);
  return std::exchange(held_, {});
}

void EchoService::AwaitNotes(size_t count) {
  const MutexLock lock(mutex_);
  while (notes_ < count) more_.Wait(mutex_);
}

ServerOptions TestServer::PlainOptions() {
  ServerOptions options;
  options.allow_insecure_plain_text = true;
  return options;
}

TestServer::TestServer(const ServerOptions& options) : server_(options, service_.handler()) {
  CHECK(server_.Start());
}

TestServer::~TestServer() {
  server_.Stop(std::chrono::milliseconds(0));
}

}  // namespace metaring::rpc
