// SPDX-License-Identifier: Apache-2.0
//
// Disk: files as the log needs them, behind an interface, so that the very same log runs on a real
// directory and on the simulator's disk, which loses what was not synced, tears writes and fails on
// command. Paths are relative to the directory that the Disk was opened on.
#ifndef METARING_KVNODE_BASE_DISK_H_
#define METARING_KVNODE_BASE_DISK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring {

// Thread-safe for calls on different byte ranges, but for WriteThrough: one caller at a time.
class File {
 public:
  static constexpr size_t kWriteThroughBlockBytes = 4096;

  virtual ~File() = default;
  // Exactly the bytes from `offset` on, fewer only at the end of the file.
  virtual Result<Bytes> ReadAt(uint64_t offset, size_t length) const = 0;
  // All of `data`, or an error after which the range's content is not known.
  virtual Status WriteAt(uint64_t offset, ByteView data) = 0;
  // Content (and the size, if it changed) is durable on return: fdatasync(2). An error is final:
  // the caller must not sync again and hope (pages may already be marked clean).
  virtual Status Sync() = 0;
  // WriteAt and Sync in one, for who only appends: what follows `data`, up to the next multiple of
  // kWriteThroughBlockBytes, may have become zeros. An error is final as one of Sync.
  virtual Status WriteThrough(uint64_t offset, ByteView data) {
    if (Status status = WriteAt(offset, data); !status) return status;
    return Sync();
  }
  // Extends with zeros to `size` and takes the blocks now, so that later writes cannot meet a full
  // disk.
  virtual Status Allocate(uint64_t size) = 0;
  virtual Result<uint64_t> Size() const = 0;
};

// Thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;
  // Opens an existing file for reading and writing, or makes an empty one. kNotFound, kExists.
  virtual Result<std::unique_ptr<File>> Open(const std::string& name) = 0;
  virtual Result<std::unique_ptr<File>> Create(const std::string& name) = 0;
  // Replaces `to` when it exists. Durable only after SyncDirectory, as all three below.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& name) = 0;
  // Names of the regular files, in byte order.
  virtual Result<std::vector<std::string>> List() const = 0;
  virtual Status SyncDirectory() = 0;
};

// A directory of the system. Made (0700) when it is missing; its parent must exist.
Result<std::unique_ptr<Disk>> OpenPosixDisk(const std::string& directory);

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_DISK_H_
