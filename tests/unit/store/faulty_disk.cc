// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/store/faulty_disk.h"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

namespace metaring::store {
namespace {

constexpr size_t kSectorBytes = 512;  // what a disk writes whole or not at all
constexpr size_t kPageBytes = 4096;

struct {
  Fault fault = Fault::kNone;
  uint64_t nth = 0;
  int error_number = 0;
  bool syncs_only = false;
} armed;
std::atomic<uint64_t> calls = 0;

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool IsTheCall(bool sync) {
  if (armed.fault == Fault::kNone || (armed.syncs_only && !sync)) return false;
  return calls.fetch_add(1) + 1 == armed.nth;
}

// What the call does instead, given how to write the first bytes of it. -2: nothing, go on.
template <typename WritePart>
ssize_t MeetFault(bool sync, size_t bytes, const WritePart& write_part) {
  if (!IsTheCall(sync)) return -2;
  const size_t half = bytes >= kPageBytes ? bytes / 2 / kSectorBytes * kSectorBytes : 0;
  switch (armed.fault) {
    case Fault::kNone:
      return -2;
    case Fault::kExit:
      if (half > 0) (void)write_part(half);
      EndNow(kFaultExitStatus);
    case Fault::kFail:
      errno = armed.error_number;
      return -1;
      return half > 0 ? write_part(half) : -2;
  }
  return -2;
}

}  // namespace

void ArmFault(Fault fault, uint64_t nth, int error_number, bool syncs_only) {
  armed = {fault, nth, error_number, syncs_only};
  calls = 0;
}

// Without what sanitizers do in _exit.
void EndNow(int status) {
  ::syscall(SYS_exit_group, status);
  __builtin_unreachable();
}

bool FaultMet() {
  return calls.load() >= armed.nth;
}

}  // namespace metaring::store

extern "C" {

// The thread sanitizer waits for a second in each process that ends; here hundreds do.
const char* __tsan_default_options() {
  return "atexit_sleep_ms=0";
}

ssize_t pwrite(int fd, const void* data, size_t bytes, off_t offset) {
  static auto* const real = metaring::store::Real<decltype(::pwrite)>("pwrite");
  const ssize_t met = metaring::store::MeetFault(
      false, bytes, [&](size_t part) { return real(fd, data, part, offset); });
  return met == -2 ? real(fd, data, bytes, offset) : met;
}

ssize_t writev(int fd, const iovec* parts, int count) {
  static auto* const real = metaring::store::Real<decltype(::writev)>("writev");
  size_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += parts[i].iov_len;
  const ssize_t met = metaring::store::MeetFault(false, bytes, [&](size_t part) {
    std::vector<iovec> first;
    for (int i = 0; i < count && part > 0; ++i) {
      first.push_back({parts[i].iov_base, std::min(parts[i].iov_len, part)});
      part -= first.back().iov_len;
    }
    return real(fd, first.data(), static_cast<int>(first.size()));
  });
  return met == -2 ? real(fd, parts, count) : met;
}

// The end of a process loses nothing that the kernel has, so while calls are counted a sync that
// goes well need not take its time.
int fdatasync(int fd) {
  static auto* const real = metaring::store::Real<decltype(::fdatasync)>("fdatasync");
  const ssize_t met = metaring::store::MeetFault(true, 0, [](size_t) { return ssize_t{0}; });
  if (met != -2) return static_cast<int>(met);
  return metaring::store::armed.fault == metaring::store::Fault::kNone ? real(fd) : 0;
}

}  // extern "C"
