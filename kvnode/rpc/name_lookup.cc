// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/name_lookup.h"

#include <netdb.h>
#include <pthread.h>

#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace metaring::rpc {
namespace {

Result<NameLookup::Endpoints> Ask(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    return Fail(ErrorCode::kUnavailable, ::gai_strerror(error));
  }
  NameLookup::Endpoints found;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (each->ai_addrlen > endpoint.capacity()) continue;
    endpoint.resize(each->ai_addrlen);
    std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
    endpoint.port(port);
    found.push_back(endpoint);
  }
  ::freeaddrinfo(list);
  if (found.empty()) return Fail(ErrorCode::kUnavailable, "the name has no address");
  return found;
}

}  // namespace

std::shared_ptr<NameLookup> NameLookup::Start(IoLoop& loop, std::string host, uint16_t port,
                                              Done done) {
  std::shared_ptr<NameLookup> lookup(new NameLookup(loop, std::move(done)));
  try {
    std::thread([lookup, host = std::move(host), port] {
      ::pthread_setname_np(::pthread_self(), "name-lookup");
      Deliver(lookup, Ask(host, port));
    }).detach();
  } catch (const std::system_error& error) {
    Deliver(lookup, Fail(ErrorCode::kUnavailable, error.what()));
  }
  return lookup;
}

void NameLookup::Deliver(const std::shared_ptr<NameLookup>& lookup, Result<Endpoints> found) {
  const MutexLock lock(lookup->mutex_);
  if (lookup->loop_ == nullptr) return;
  // Under the mutex: once it is abandoned, the loop may be gone.
  asio::post(lookup->loop_->context, [lookup, found = std::move(found)]() mutable {
    if (Done done = std::exchange(lookup->done_, nullptr)) done(std::move(found));
  });
}

void NameLookup::Abandon() {
  done_ = nullptr;
  const MutexLock lock(mutex_);
  loop_ = nullptr;
}

}  // namespace metaring::rpc
