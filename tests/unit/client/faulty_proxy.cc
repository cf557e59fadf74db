// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/client/faulty_proxy.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "kvnode/base/check.h"

namespace metaring::client {
namespace {

constexpr int kTickMs = 5;
constexpr size_t kQueueBytesMax = 1 << 20;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// What is there to read; absent at the end.
std::optional<Bytes> ReadSome(int fd) {
  std::array<char, 65'536> buffer;
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) return Bytes(buffer.data(), static_cast<size_t>(got));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Bytes();
  return std::nullopt;
}

// False when the other side is gone.
bool WriteSome(int fd, Bytes& queue) {
  if (queue.empty()) return true;
  const ssize_t put = ::send(fd, queue.data(), queue.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (put < 0) return errno == EAGAIN || errno == EINTR;
  queue.erase(0, static_cast<size_t>(put));
  return true;
}

short EventsOf(const Bytes& incoming_queue, const Bytes& outgoing_queue) {
  return static_cast<short>((incoming_queue.size() < kQueueBytesMax ? POLLIN : 0) |
                            (outgoing_queue.empty() ? 0 : POLLOUT));
}

}  // namespace

FaultyProxy::FaultyProxy(uint16_t to_port) : to_port_(to_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof(address);
  CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  CHECK(::listen(listener_, 64) == 0);
  CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

FaultyProxy::~FaultyProxy() {
  stop_ = true;
  thread_.join();
  ::close(listener_);
  for (const Pair& pair : pairs_) {
    ::close(pair.client);
    ::close(pair.node);
  }
}

void FaultyProxy::Accept() {
  Pair pair;
  pair.client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (pair.client < 0) return;
  pair.node = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(to_port_);
  if (::connect(pair.node, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(pair.client);
    ::close(pair.node);
    return;
  }
  if (const uint64_t within = break_within_; within > 0) pair.left = 1 + random_.Below(within);
  pairs_.push_back(std::move(pair));
}

void FaultyProxy::TakeFromNode(Pair& pair) {
  std::optional<Bytes> got = ReadSome(pair.node);
  if (!got) {
    pair.broken = true;
    return;
  }
  if (swallow_) return;
  if (pair.left > 0 && got->size() >= pair.left) {
    pair.to_client.append(*got, 0, pair.left - 1);
    WriteSome(pair.client, pair.to_client);
    pair.broken = true;
    ++broken_;
    return;
  }
  if (pair.left > 0) pair.left -= got->size();
  pair.to_client += *got;
}

void FaultyProxy::Move(Pair& pair, short client_events, short node_events) {
  if ((client_events & (POLLIN | POLLHUP | POLLERR)) != 0) {
    const std::optional<Bytes> got = ReadSome(pair.client);
    if (!got) pair.broken = true;
    if (got) pair.to_node += *got;
  }
  if ((node_events & (POLLIN | POLLHUP | POLLERR)) != 0) TakeFromNode(pair);
  if (pair.broken) return;
  if (!WriteSome(pair.node, pair.to_node) || !WriteSome(pair.client, pair.to_client)) {
    pair.broken = true;
  }
}

void FaultyProxy::Run() {
  while (!stop_) {
    std::vector<pollfd> fds{{listener_, POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      fds.push_back({pair.client, EventsOf(pair.to_node, pair.to_client), 0});
      fds.push_back({pair.node, EventsOf(pair.to_client, pair.to_node), 0});
    }
    ::poll(fds.data(), fds.size(), kTickMs);
    const bool break_all = break_all_ > breaks_done_;
    breaks_done_ = break_all_;
    size_t at = 1;
    for (Pair& pair : pairs_) {
      if (break_all) pair.broken = true;
      if (!pair.broken) Move(pair, fds[at].revents, fds[at + 1].revents);
      at += 2;
    }
    pairs_.remove_if([](const Pair& pair) {
      if (pair.broken) {
        ::close(pair.client);
        ::close(pair.node);
      }
      return pair.broken;
    });
    if ((fds[0].revents & POLLIN) != 0) Accept();
  }
}

}  // namespace metaring::client
