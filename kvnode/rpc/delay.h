// SPDX-License-Identifier: Apache-2.0
//
// Delay: a wait on an IO thread, for whoever tries again later.
#ifndef METARING_KVNODE_RPC_DELAY_H_
#define METARING_KVNODE_RPC_DELAY_H_

#include <chrono>
#include <functional>
#include <memory>

#include "kvnode/rpc/io_threads.h"

namespace metaring::rpc {

// Thread-safe. Letting go of it changes nothing: it is kept until it has ended.
class Delay {
 public:
  // Calls `ended` once, on one of the threads, after `time` or after Cut. `threads` do not end
  // before that.
  static std::shared_ptr<Delay> Start(IoThreads& threads, std::chrono::nanoseconds time,
                                      std::function<void()> ended);
  virtual ~Delay() = default;
  // Ends it now, if it has not ended. `ended` is called later, never by Cut itself. The threads
  // have not been stopped.
  virtual void Cut() = 0;

 protected:
  Delay() = default;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_DELAY_H_
