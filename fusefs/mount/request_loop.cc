// SPDX-License-Identifier: Apache-2.0
//
// Workers, and the requests that they read.
#include "fusefs/mount/request_loop.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {
namespace {

// The largest request is a write: its content, and as much again as libfuse allows for the rest.
constexpr size_t kBufferBytes = kWriteBytesMax + 4096;
constexpr size_t kIdleMax = 32;  // requests kept, with their buffers

}  // namespace

// A request's buffer and where it came from. It ends on two sides: when it has been answered, and
// when its worker has seen whether it was; whoever comes second gives it back.
class Request : public fiber::Task {
 public:
  explicit Request(RequestLoop& loop) : loop_(loop), memory_(new char[kBufferBytes]) {}

  // From `device`. 0: the filesystem is unmounted; negative: errno.
  ssize_t Read(int device) {
    device_ = device;
    answered_ = false;
    const ssize_t length = ::read(device, memory_.get(), kBufferBytes);
    if (length < 0) return errno == ENODEV ? 0 : -errno;
    length_ = loop_.kernel_io_.Inspect(memory_.get(), static_cast<size_t>(length), extras_);
    return length;
  }
  // Which request the one that was read interrupts, if it does nothing else.
  std::optional<uint64_t> Interrupts() const {
    fuse_interrupt_in interrupt{};
    if (Header().opcode != FUSE_INTERRUPT || length_ < sizeof(fuse_in_header) + sizeof(interrupt)) {
      return std::nullopt;
    }
    std::memcpy(&interrupt, memory_.get() + sizeof(fuse_in_header), sizeof(interrupt));
    return interrupt.unique;
  }

  // Before it is run: from here on it can be interrupted.
  void Begin() {
    const fuse_in_header header = Header();
    const Clock::time_point now = Clock::now();
    const auto longest = loop_.options_.operation_max;
    deadline_ = longest < Clock::time_point::max() - now ? now + longest : Clock::time_point::max();
    ResetCancel();
    {
      const MutexLock lock(mutex_);
      waiting_ = {header.unique, header.opcode, static_cast<pid_t>(header.pid), now, {}};
    }
    // Whoever interrupts it has noted that before looking for it.
    if (loop_.early_count_ > 0 && loop_.TakeEarlyInterrupt(header.unique)) Interrupt(header.unique);
    if (header.opcode == FUSE_FLUSH) loop_.watch_.Wake();
  }

  void Run() override {
    fuse_buf buffer{};
    buffer.mem = memory_.get();
    buffer.size = length_;
    fuse_session_process_buf(loop_.session_, &buffer);
    {
      const MutexLock lock(mutex_);
      waiting_ = {};
    }
    if (answered_.exchange(true, std::memory_order_acq_rel)) loop_.GiveBack(this);
  }
  std::chrono::steady_clock::time_point deadline() const override { return deadline_; }
  // The worker's side: whether the request may be used for the next one.
  bool EndedBeforeWaiting() { return answered_.exchange(true, std::memory_order_acq_rel); }

  ssize_t Write(iovec* parts, int count) {
    loop_.kernel_io_.Amend(parts, count, extras_);
    return ::writev(device_, parts, count);
  }
  const RequestExtras& extras() const { return extras_; }

  // Of any thread. What it waits as, while it has not been answered.
  std::optional<WaitingRequest> Waits() const {
    const MutexLock lock(mutex_);
    if (waiting_.unique == 0) return std::nullopt;
    return waiting_;
  }
  // Both do nothing, and are false, when it is not the request of this number.
  bool Interrupt(uint64_t unique) {
    {
      const MutexLock lock(mutex_);
      if (waiting_.unique != unique) return false;
      waiting_.interrupted = Clock::now();
    }
    loop_.watch_.Wake();
    return true;
  }
  bool CancelIf(uint64_t unique) {
    const MutexLock lock(mutex_);
    if (waiting_.unique != unique) return false;
    Cancel();
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;

  fuse_in_header Header() const {
    fuse_in_header header{};
    if (length_ >= sizeof(header)) std::memcpy(&header, memory_.get(), sizeof(header));
    return header;
  }

  RequestLoop& loop_;
  const std::unique_ptr<char[]> memory_;
  size_t length_ = 0;
  int device_ = -1;
  RequestExtras extras_;
  Clock::time_point deadline_;
  std::atomic<bool> answered_{false};  // by one of the two sides

  mutable Mutex mutex_;
  WaitingRequest waiting_ GUARDED_BY(mutex_);  // number 0: not run, or ended
};

namespace {

// The request that the calling code answers; null on threads that have none.
Request* CurrentRequest() {
  return static_cast<Request*>(fiber::CurrentTask());
}

}  // namespace

const RequestExtras& CurrentRequestExtras() {
  Request* const request = CurrentRequest();
  CHECK(request != nullptr);
  return request->extras();
}

// --- Worker
// --------------------------------------------------------------------------------------

class RequestLoop::Worker {
 public:
  Worker(RequestLoop& loop, unsigned index) : loop_(loop), device_(loop.OpenDevice()) {
    thread_ = std::thread([this, index] {
      pthread_setname_np(pthread_self(), ("fuse-" + std::to_string(index)).c_str());
      tid_ = ::gettid();
      Run();
      tid_ = 0;
    });
  }
  ~Worker() {
    if (device_ != fuse_session_fd(loop_.session_)) ::close(device_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Join() { thread_.join(); }
  void Interrupt() {
    // A thread that has just ended cannot be hit: the call goes by number, and is for this process.
    if (const pid_t tid = tid_; tid != 0) ::syscall(SYS_tgkill, ::getpid(), tid, kWakeSignal);
  }

 private:
  void Run() {
    Request* request = loop_.TakeRequest();
    while (request != nullptr && fuse_session_exited(loop_.session_) == 0) {
      const ssize_t length = request->Read(device_);
      if (length == 0) {
        fuse_session_exit(loop_.session_);
        break;
      }
      // ENOENT: the request was interrupted before it could be read.
      if (length == -EINTR || length == -EAGAIN || length == -ENOENT) continue;
      if (length < 0) {
        Fail(static_cast<int>(-length));
        break;
      }
      if (const auto interrupted = request->Interrupts()) {
        loop_.NoteInterrupt(*interrupted);
        continue;
      }
      request->Begin();
      loop_.pool_.Run(*request);
      if (!request->EndedBeforeWaiting()) request = loop_.TakeRequest();
    }
    loop_.NoteEnding();
    if (request != nullptr) loop_.GiveBack(request);
  }

  void Fail(int error_number) {
    LogError("mount", "reading requests: {}", std::strerror(error_number));
    int none = 0;
    loop_.error_number_.compare_exchange_strong(none, error_number);
    fuse_session_exit(loop_.session_);
  }

  RequestLoop& loop_;
  const int device_;
  std::atomic<pid_t> tid_{0};
  std::thread thread_;
};

// --- RequestLoop
// ---------------------------------------------------------------------------------

RequestLoop::RequestLoop(fuse_session* session, KernelIo& kernel_io, ServeOptions options)
    : session_(session),
      kernel_io_(kernel_io),
      options_(std::move(options)),
      watch_(*this, options_.interrupts) {}

RequestLoop::~RequestLoop() = default;

int RequestLoop::OpenDevice() const {
  const int session_device = fuse_session_fd(session_);
  const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  auto master = static_cast<uint32_t>(session_device);
  if (device >= 0 && ::ioctl(device, FUSE_DEV_IOC_CLONE, &master) == 0) return device;
  LogDebug("mount", "a worker shares the session's descriptor: {}", std::strerror(errno));
  if (device >= 0) ::close(device);
  return session_device;
}

Request* RequestLoop::TakeRequest() {
  MutexLock lock(mutex_);
  while (taken_ >= kRequestsMax) {
    if (fuse_session_exited(session_) != 0) return nullptr;
    // Nobody reads interrupts now either.
    watch_.Wake();
    fewer_.Wait(mutex_);
  }
  ++taken_;
  if (idle_.empty()) return requests_.emplace_back(std::make_unique<Request>(*this)).get();
  Request* const request = idle_.back();
  idle_.pop_back();
  return request;
}

void RequestLoop::GiveBack(Request* request) {
  MutexLock lock(mutex_);
  if (taken_-- == kRequestsMax) fewer_.NotifyAll();
  if (idle_.size() < kIdleMax) {
    idle_.push_back(request);
  } else {
    std::erase_if(requests_, [&](const auto& each) { return each.get() == request; });
  }
}

// --- interrupts ----------------------------------------------------------------------------------

void RequestLoop::NoteInterrupt(uint64_t unique) {
  MutexLock lock(mutex_);
  uint64_t& early = early_[next_early_];
  if (early == 0) ++early_count_;
  early = unique;
  for (const auto& request : requests_) {
    if (!request->Interrupt(unique)) continue;
    early = 0;
    --early_count_;
    return;
  }
  next_early_ = (next_early_ + 1) % kEarlyMax;
}

bool RequestLoop::TakeEarlyInterrupt(uint64_t unique) {
  MutexLock lock(mutex_);
  const auto found = std::find(early_.begin(), early_.end(), unique);
  if (found == early_.end()) return false;
  *found = 0;
  --early_count_;
  return true;
}

std::vector<WaitingRequest> RequestLoop::Watched() {
  std::vector<WaitingRequest> watched;
  MutexLock lock(mutex_);
  // Whose interrupts nobody reads.
  const bool all = draining_ || taken_ >= kRequestsMax;
  for (const auto& request : requests_) {
    const std::optional<WaitingRequest> waiting = request->Waits();
    if (!waiting) continue;
    // The kernel's own requests have no caller, and are not interrupted.
    const bool has_caller = waiting->caller != 0;
    if (waiting->interrupted || MayBeStuckAtExit(*waiting) || (all && has_caller)) {
      watched.push_back(*waiting);
    }
  }
  return watched;
}

void RequestLoop::Cancel(uint64_t unique) {
  MutexLock lock(mutex_);
  for (const auto& request : requests_) {
    if (request->CancelIf(unique)) return;
  }
}

// --- serving -------------------------------------------------------------------------------------

Status RequestLoop::Serve() {
  pool_.Start("fibers");
  {
    MutexLock lock(mutex_);
    for (uint32_t i = 0; i < options_.threads; ++i)
      workers_.push_back(std::make_unique<Worker>(*this, i));
  }
  AwaitWorkers();
  // For what was begun after the first worker had seen the end.
  watch_.Wake();
  pool_.Stop();
  if (error_number_ == 0) return {};
  return Fail(ErrnoError(error_number_, "serving requests"));
}

void RequestLoop::AwaitWorkers() {
  std::vector<Worker*> all;
  {
    MutexLock lock(mutex_);
    for (const auto& worker : workers_) all.push_back(worker.get());
  }
  // They stay in the list meanwhile, so that Interrupt reaches them.
  for (Worker* const worker : all) worker->Join();
}

// Before the workers are joined: one may be inside a handler until its request ends.
void RequestLoop::NoteEnding() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(draining_, true)) return;
  }
  options_.ending();
  watch_.Wake();
}

void RequestLoop::Interrupt() {
  MutexLock lock(mutex_);
  fewer_.NotifyAll();
  for (const auto& worker : workers_) worker->Interrupt();
}

ssize_t RequestLoop::Write(int session_device, iovec* parts, int count) {
  Request* const request = CurrentRequest();
  if (request == nullptr) return ::writev(session_device, parts, count);
  return request->Write(parts, count);
}

}  // namespace metaring::fusefs::mount
