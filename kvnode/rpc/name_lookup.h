// SPDX-License-Identifier: Apache-2.0
//
// NameLookup: the addresses of a name, by getaddrinfo(3), which can take as long as the name
// servers like and cannot be interrupted. So it has a thread of its own that nobody joins: who
// asked may go away at any moment, and the thread ends when the answer comes, having touched
// nothing of his.
//
// This is not asio's resolver, because the end of an io_context waits for that one's thread.
#ifndef METARING_KVNODE_RPC_NAME_LOOKUP_H_
#define METARING_KVNODE_RPC_NAME_LOOKUP_H_

#include <asio.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"
#include "kvnode/rpc/io_loop.h"

namespace metaring::rpc {

class NameLookup {
 public:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;
  // Called at most once, on the loop's thread. kUnavailable: there is no such name, no name server
  // answers, or no thread can be had. What is found is not empty.
  using Done = std::function<void(Result<Endpoints>)>;

  // Begins. The loop outlives what this returns, or Abandon.
  static std::shared_ptr<NameLookup> Start(IoLoop& loop, std::string host, uint16_t port,
                                           Done done);
  // `done` is not called any more, and the loop is left alone. On the loop's thread.
  void Abandon();

 private:
  explicit NameLookup(IoLoop& loop, Done done) : loop_(&loop), done_(std::move(done)) {}
  static void Deliver(const std::shared_ptr<NameLookup>& lookup, Result<Endpoints> found);

  Mutex mutex_;
  IoLoop* loop_ GUARDED_BY(mutex_);  // null once abandoned
  Done done_;                        // of the loop's thread
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_NAME_LOOKUP_H_
