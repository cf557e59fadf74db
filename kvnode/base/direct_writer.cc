// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/direct_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "kvnode/base/check.h"

namespace metaring {

DirectWriter::DirectWriter(int fd, std::string name) : name_(std::move(name)) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  fd_ = ::open(path.c_str(), O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
}

DirectWriter::~DirectWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void DirectWriter::Reserve(size_t bytes) {
  // What one large append needed is not kept.
  if (bytes <= capacity_ && (capacity_ <= kKeptBytes || bytes > kKeptBytes)) return;
  const size_t capacity = std::bit_ceil(bytes);
  std::unique_ptr<char, Free> larger(static_cast<char*>(std::aligned_alloc(kBlockBytes, capacity)));
  CHECK(larger != nullptr);
  if (buffer_) std::memcpy(larger.get(), buffer_.get(), kBlockBytes);
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

Status DirectWriter::LoadBlock(const File& file, uint64_t block, size_t bytes) {
  if (bytes == 0 || block_ == block) return {};
  ASSIGN_OR_RETURN(const Bytes content, file.ReadAt(block, bytes));
  std::memset(buffer_.get(), 0, bytes);
  std::memcpy(buffer_.get(), content.data(), content.size());
  return {};
}

Status DirectWriter::Append(File& file, uint64_t offset, ByteView data) {
  if (data.empty()) return {};
  const uint64_t block = offset / kBlockBytes * kBlockBytes;
  const size_t before = offset - block;
  const size_t end = before + data.size();
  const size_t total = (end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  Reserve(total);
  RETURN_IF_ERROR(LoadBlock(file, block, before));
  std::memcpy(buffer_.get() + before, data.data(), data.size());
  std::memset(buffer_.get() + end, 0, total - end);
  for (size_t done = 0; done < total;) {
    const auto at = static_cast<off_t>(block + done);
    const ssize_t n = ::pwrite(fd_, buffer_.get() + done, total - done, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EINVAL && !block_) {
      ::close(fd_);
      fd_ = -1;
      return file.WriteThrough(offset, data);
    }
    if (n < 0) return Fail(ErrnoError(errno, "write " + name_));
    done += static_cast<size_t>(n);
  }
  const size_t last = total - kBlockBytes;
  if (last > 0) std::memmove(buffer_.get(), buffer_.get() + last, kBlockBytes);
  block_ = block + last;
  return {};
}

}  // namespace metaring
