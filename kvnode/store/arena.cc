// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/arena.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace metaring::store {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
constexpr size_t kOwnBlockBytesMin = kBlockBytes / 4;  // larger pieces waste no rest of a block
constexpr size_t kAlignment = 8;

}  // namespace

Mapping::Mapping(size_t bytes) : size_(bytes) {
  void* const data =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<char*>(data);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

char* Arena::Allocate(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  bytes_used_ += bytes;
  if (bytes >= kOwnBlockBytesMin) return blocks_.emplace_back(bytes).data();
  if (bytes > free_bytes_) {
    free_ = blocks_.emplace_back(kBlockBytes).data();
    free_bytes_ = kBlockBytes;
  }
  char* const piece = free_;
  free_ += bytes;
  free_bytes_ -= bytes;
  return piece;
}

}  // namespace metaring::store
