// SPDX-License-Identifier: Apache-2.0
//
// RequestLoop: reads the kernel's requests and runs each on a fiber.
//
// A worker thread reads a request from its own descriptor of the connection (FUSE_DEV_IOC_CLONE)
// and gives it to a fiber; when that waits, for a log write say, the worker reads the next one, and
// the request is answered by whichever thread wakes it. Its buffer belongs to the request until
// then, and its answer must go to the descriptor that it came from, so both are in the task of the
// fiber. libfuse's own loop has neither: its threads answer what they read before they read again.
//
// FUSE_INTERRUPT does not reach libfuse: InterruptWatch (interrupts.h) decides whether the request
// that it names is cancelled.
#ifndef METARING_FUSEFS_MOUNT_REQUEST_LOOP_H_
#define METARING_FUSEFS_MOUNT_REQUEST_LOOP_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "fusefs/mount/fuse_api.h"
#include "fusefs/mount/interrupts.h"
#include "fusefs/mount/kernel_io.h"
#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs::mount {

// Requests that have begun and are not answered; over it nothing is read.
inline constexpr size_t kRequestsMax = 1024;
inline constexpr unsigned kWriteBytesMax = 1 << 20;  // of one write request
// What Interrupt sends. Its handler does nothing (BlockEndingSignals installs it).
inline constexpr int kWakeSignal = SIGUSR1;

class Request;

struct ServeOptions {
  uint32_t threads = 4;
  InterruptRules interrupts;
  // How long a request may wait for a cluster, all its calls together.
  std::chrono::nanoseconds operation_max = std::chrono::nanoseconds::max();
  // Called once, by a worker, as soon as one has seen that the session ends: what was read is
  // waited for.
  std::function<void()> ending = [] {};
};

// One caller, but for Interrupt.
class RequestLoop : private InterruptWatch::Requests {
 public:
  // Both outlive it.
  RequestLoop(fuse_session* session, KernelIo& kernel_io, ServeOptions options);
  ~RequestLoop() override;
  RequestLoop(const RequestLoop&) = delete;
  RequestLoop& operator=(const RequestLoop&) = delete;

  // Serves until the filesystem is unmounted, or the session was told to exit and Interrupt called,
  // and every request that was read is answered.
  Status Serve();
  // Makes workers that wait, for the kernel or for one of kRequestsMax requests to be answered,
  // look whether the session ends. Thread-safe; repeated until Serve has returned, since a worker
  // may be about to wait.
  void Interrupt();

  // Writes an answer to where its request came from, a notification to `session_device`.
  static ssize_t Write(int session_device, iovec* parts, int count);

 private:
  static constexpr size_t kEarlyMax = 64;
  friend class Request;
  class Worker;

  int OpenDevice() const;
  void AwaitWorkers();
  void NoteEnding();
  // Null: the session ends, and kRequestsMax requests are still unanswered.
  Request* TakeRequest();
  void GiveBack(Request* request);
  // What the kernel says of another request, which may not have been seen yet, or be answered.
  void NoteInterrupt(uint64_t unique);
  bool TakeEarlyInterrupt(uint64_t unique);
  std::vector<WaitingRequest> Watched() override;
  void Cancel(uint64_t unique) override;

  fuse_session* const session_;
  KernelIo& kernel_io_;
  const ServeOptions options_;
  fiber::Pool pool_;
  std::atomic<int> error_number_{0};  // of the first worker that failed

  Mutex mutex_;
  metaring::CondVar fewer_;
  std::vector<std::unique_ptr<Worker>> workers_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Request>> requests_ GUARDED_BY(mutex_);
  std::vector<Request*> idle_ GUARDED_BY(mutex_);
  size_t taken_ GUARDED_BY(mutex_) = 0;
  bool draining_ GUARDED_BY(mutex_) = false;  // from when the first worker has seen the end
  // Interrupts that came before their requests; the oldest gives way. 0: none.
  std::array<uint64_t, kEarlyMax> early_ GUARDED_BY(mutex_){};
  size_t next_early_ GUARDED_BY(mutex_) = 0;
  std::atomic<size_t> early_count_{0};  // in early_

  InterruptWatch watch_;  // the last: it asks for requests
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_REQUEST_LOOP_H_
