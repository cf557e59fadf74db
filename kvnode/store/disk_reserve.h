// SPDX-License-Identifier: Apache-2.0
//
// DiskReserve: blocks of the disk taken for the data file ahead of its end (fallocate with
// FALLOC_FL_KEEP_SIZE), so that a flush finds room although others have filled the disk. On a
// filesystem that cannot take blocks ahead it only looks whether that much is free.
#ifndef METARING_KVNODE_STORE_DISK_RESERVE_H_
#define METARING_KVNODE_STORE_DISK_RESERVE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "kvnode/base/result.h"

namespace metaring::store {

// One caller.
class DiskReserve {
 public:
  // `path` must exist.
  static Result<std::unique_ptr<DiskReserve>> Open(const std::string& path, uint64_t reserve_bytes);
  ~DiskReserve();
  DiskReserve(const DiskReserve&) = delete;
  DiskReserve& operator=(const DiskReserve&) = delete;

  // Takes what is missing behind `data_end_bytes`. full() tells whether the disk refused it.
  void Cover(uint64_t data_end_bytes);
  bool full() const { return full_; }
  uint64_t bytes() const { return reserve_bytes_; }
  // Whether the disk gives another piece now.
  bool DiskHasRoom();

 private:
  enum class Outcome { kDone, kFull, kUnsupported };
  DiskReserve(int fd, uint64_t reserve_bytes) : fd_(fd), reserve_bytes_(reserve_bytes) {}
  Outcome Allocate(uint64_t end) const;
  bool DiskHasFree(uint64_t bytes) const;

  const int fd_;
  const uint64_t reserve_bytes_;
  uint64_t allocated_end_ = 0;  // everything before it has its blocks; moves up
  bool full_ = false;
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_DISK_RESERVE_H_
