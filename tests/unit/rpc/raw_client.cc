// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rpc/raw_client.h"

#include <Echo.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <Echo.tcc>
#include <echo_types.tcc>

#include "kvnode/base/check.h"
#include "kvnode/rpc/codec.h"

namespace metaring::rpc {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

RawClient::RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval limit{30, 0};
  CHECK(::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
  CHECK(::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0);
  const sockaddr_in address = Loopback(port);
  CHECK(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
}

RawClient::~RawClient() {
  ::close(fd_);
}

bool RawClient::Send(ByteView data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

size_t RawClient::SendWithoutWaiting(ByteView data) {
  const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<size_t>(sent);
}

std::optional<Bytes> RawClient::ReadExactly(size_t count) {
  Bytes out(count, '\0');
  for (size_t got = 0; got < count;) {
    const ssize_t more = ::recv(fd_, out.data() + got, count - got, 0);
    if (more <= 0) return std::nullopt;
    got += static_cast<size_t>(more);
  }
  return out;
}

std::optional<Bytes> RawClient::ReadFrame() {
  const std::optional<Bytes> head = ReadExactly(kFrameHeadBytes);
  if (!head) return std::nullopt;
  return ReadExactly(Reader(*head).BigU32());
}

bool RawClient::AwaitEnd() {
  Bytes rest(4096, '\0');
  for (;;) {
    const ssize_t got = ::recv(fd_, rest.data(), rest.size(), 0);
    if (got == 0) return true;
    if (got < 0) return errno != EAGAIN && errno != EWOULDBLOCK;
  }
}

RawServer::RawServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  CHECK(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  CHECK(::listen(fd_, 16) == 0);
  CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
}

RawServer::~RawServer() {
  ::close(fd_);
}

int RawServer::Accept() {
  const int fd = ::accept(fd_, nullptr, nullptr);
  CHECK(fd >= 0);
  return fd;
}

Bytes EchoFrame(int32_t seqid, ByteView payload) {
  echo::Echo_echo_args arguments;
  arguments.request.__set_payload(Bytes(payload));
  Bytes frame = BeginFrame(MessageType::kCall, "echo", seqid);
  AppendEncoded(frame, arguments);
  EndFrame(frame);
  return frame;
}

std::optional<Bytes> EchoedBy(const Message& message) {
  if (message.type != MessageType::kReply) return std::nullopt;
  Decoded<echo::Echo_echo_result> result(message.body);
  if (!result.status() || !result->__isset.success) return std::nullopt;
  return result->success.payload;
}

int RefusalCodeOf(const Message& message) {
  if (message.type != MessageType::kReply) return 0;
  Decoded<echo::Echo_echo_result> result(message.body);
  return result.status() && result->__isset.error ? result->error.code : 0;
}

}  // namespace metaring::rpc
