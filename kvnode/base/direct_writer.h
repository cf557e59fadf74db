// SPDX-License-Identifier: Apache-2.0
//
// DirectWriter: durable appends past the page cache (O_DIRECT with O_DSYNC, open(2)): one system
// call in which the kernel neither copies nor looks for dirty pages.
//
// It writes whole blocks. The last one is kept here and written again when the next append goes on
// in it; the bytes that were there before are written as they were, so a crash in the middle leaves
// them whole, as far as the disk writes sectors whole.
#ifndef METARING_KVNODE_BASE_DIRECT_WRITER_H_
#define METARING_KVNODE_BASE_DIRECT_WRITER_H_

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "kvnode/base/disk.h"

namespace metaring {

// One caller.
class DirectWriter {
 public:
  // Opens the file of the descriptor once more; `name` is for messages.
  DirectWriter(int fd, std::string name);
  ~DirectWriter();
  DirectWriter(const DirectWriter&) = delete;
  DirectWriter& operator=(const DirectWriter&) = delete;

  // Not every filesystem can do it (ramfs cannot, nor tmpfs before Linux 6.6).
  bool usable() const { return fd_ >= 0; }
  // See File::WriteThrough. `file` is the same file: where an append begins in a block that is not
  // known here, the block is read. When the filesystem turns out not to be able to do it, the data
  // is written by `file` itself and usable() ends.
  Status Append(File& file, uint64_t offset, ByteView data);

 private:
  static constexpr size_t kBlockBytes = File::kWriteThroughBlockBytes;
  static constexpr size_t kKeptBytes = 1 << 20;
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  // Makes the buffer hold `bytes`; keeps its first block.
  void Reserve(size_t bytes);
  Status LoadBlock(const File& file, uint64_t block, size_t bytes);

  const std::string name_;
  int fd_ = -1;
  std::unique_ptr<char, Free> buffer_;  // aligned to blocks
  size_t capacity_ = 0;
  std::optional<uint64_t> block_;  // the offset of the block that the buffer begins with
};

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_DIRECT_WRITER_H_
