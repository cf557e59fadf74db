// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/disk_reserve.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace metaring::store {

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
  full_ = outcome == Outcome::kFull || (outcome == Outcome::kUnsupported && !DiskHasRoom());
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

bool DiskReserve::DiskHasRoom() const {
  struct statvfs fs {};
  if (::fstatvfs(fd_, &fs) != 0) return false;
  const uint64_t blocks = ::geteuid() == 0 ? fs.f_bfree : fs.f_bavail;
  return blocks * fs.f_frsize >= reserve_bytes_;
}

}  // namespace metaring::store
