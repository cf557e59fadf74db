// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/disk_reserve.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace metaring::store {
namespace {

constexpr uint64_t kPieceBytes = 4 << 20;  // more than LMDB writes with one call

}  // namespace

Result<std::unique_ptr<DiskReserve>> DiskReserve::Open(const std::string& path,
                                                       uint64_t reserve_bytes) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return Fail(ErrnoError(errno, "open " + path));
  return std::unique_ptr<DiskReserve>(new DiskReserve(fd, reserve_bytes));
}

DiskReserve::~DiskReserve() {
  ::close(fd_);
}

void DiskReserve::Cover(uint64_t data_end_bytes) {
  const uint64_t needed = data_end_bytes + reserve_bytes_;
  if (needed <= allocated_end_) {
    full_ = false;
    return;
  }
  // A quarter more, so that not every flush asks; without it when the disk has no more than is
  // needed.
  Outcome outcome = Allocate(needed + reserve_bytes_ / 4);
  if (outcome == Outcome::kDone) {
    allocated_end_ = needed + reserve_bytes_ / 4;
  } else if (outcome == Outcome::kFull && (outcome = Allocate(needed)) == Outcome::kDone) {
    allocated_end_ = needed;
  }
  full_ = outcome == Outcome::kFull ||
          (outcome == Outcome::kUnsupported && !DiskHasFree(reserve_bytes_));
}

bool DiskReserve::DiskHasRoom() {
  const uint64_t end = allocated_end_ + kPieceBytes;
  switch (Allocate(end)) {
    case Outcome::kDone:
      allocated_end_ = end;
      return true;
    case Outcome::kFull:
      return false;
    case Outcome::kUnsupported:
      break;
  }
  return DiskHasFree(kPieceBytes);
}

DiskReserve::Outcome DiskReserve::Allocate(uint64_t end) const {
  // From the file's begin at first: LMDB never writes some pages, and leaves holes.
  const auto begin = static_cast<off_t>(allocated_end_);
  while (::fallocate(fd_, FALLOC_FL_KEEP_SIZE, begin, static_cast<off_t>(end) - begin) != 0) {
    if (errno == EINTR) continue;
    return errno == EOPNOTSUPP || errno == ENOSYS ? Outcome::kUnsupported : Outcome::kFull;
  }
  return Outcome::kDone;
}

bool DiskReserve::DiskHasFree(uint64_t bytes) const {
  struct statvfs fs {};
  if (::fstatvfs(fd_, &fs) != 0) return false;
  const uint64_t blocks = ::geteuid() == 0 ? fs.f_bfree : fs.f_bavail;
  return blocks * fs.f_frsize >= bytes;
}

}  // namespace metaring::store
