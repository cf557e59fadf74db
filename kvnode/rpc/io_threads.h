// SPDX-License-Identifier: Apache-2.0
//
// IoThreads: threads that wait for sockets and timers. Each has a reactor of its own, and each
// connection belongs to one of them for life, so that nothing on a connection's path is locked
// against another IO thread.
#ifndef METARING_KVNODE_RPC_IO_THREADS_H_
#define METARING_KVNODE_RPC_IO_THREADS_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace metaring::rpc {

struct IoLoop;

// Thread-safe between Start and Stop, which are their owner's.
class IoThreads {
 public:
  IoThreads();
  ~IoThreads();  // after Stop()
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  // Threads are named NAME-0, NAME-1, ...
  void Start(const std::string& name, unsigned count);
  // Returns when all threads have ended, which they do when nothing is left to wait for: whoever
  // uses them (a Server, a Channel) was stopped or destroyed before.
  void Stop();

  unsigned count() const { return static_cast<unsigned>(loops_.size()); }
  IoLoop& loop(unsigned index) { return *loops_[index]; }
  // Each in turn.
  IoLoop& NextLoop();
  // The caller is one of them: it must not wait for what they do.
  bool IsCurrent() const;

 private:
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::atomic<unsigned> next_{0};
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_IO_THREADS_H_
