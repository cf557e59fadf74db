// SPDX-License-Identifier: Apache-2.0
//
// RequestLoop: reads the kernel's requests and runs each on a fiber.
//
// A worker thread reads a request from its own descriptor of the connection (FUSE_DEV_IOC_CLONE)
// and gives it to a fiber; when that waits, for a log write say, the worker reads the next one, and
// the request is answered by whichever thread wakes it. Its buffer belongs to the request until
// then, and its answer must go to the descriptor that it came from, so both are in the task of the
// fiber. libfuse's own loop has neither: its threads answer what they read before they read again.
#ifndef METARING_FUSEFS_MOUNT_REQUEST_LOOP_H_
#define METARING_FUSEFS_MOUNT_REQUEST_LOOP_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "fusefs/mount/fuse_api.h"
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

// One caller, but for Interrupt.
class RequestLoop {
 public:
  // Both outlive it.
  RequestLoop(fuse_session* session, KernelIo& kernel_io);
  ~RequestLoop();
  RequestLoop(const RequestLoop&) = delete;
  RequestLoop& operator=(const RequestLoop&) = delete;

  // Serves until the filesystem is unmounted, or the session was told to exit and Interrupt called,
  // and every request that was read is answered.
  Status Serve(uint32_t threads);
  // Makes workers that wait for a request look whether the session ends. Thread-safe; repeated
  // until Serve has returned, since a worker may be about to wait.
  void Interrupt();

  // Writes an answer to where its request came from, a notification to `session_device`.
  static ssize_t Write(int session_device, iovec* parts, int count);

 private:
  friend class Request;
  class Worker;

  int OpenDevice() const;
  void AwaitWorkers();
  Request* TakeRequest();
  void GiveBack(Request* request);

  fuse_session* const session_;
  KernelIo& kernel_io_;
  fiber::Pool pool_;
  std::atomic<int> error_number_{0};  // of the first worker that failed

  Mutex mutex_;
  metaring::CondVar fewer_;
  std::vector<std::unique_ptr<Worker>> workers_ GUARDED_BY(mutex_);
  std::vector<Request*> idle_ GUARDED_BY(mutex_);
  size_t taken_ GUARDED_BY(mutex_) = 0;
};

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_REQUEST_LOOP_H_
