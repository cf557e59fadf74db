// SPDX-License-Identifier: Apache-2.0
//
// Arena: memory that is handed out piece by piece and goes back to the system all at once. It maps
// its blocks itself, because an overlay must leave nothing behind in the allocator's free lists
// when it has been flushed.
#ifndef METARING_KVNODE_STORE_ARENA_H_
#define METARING_KVNODE_STORE_ARENA_H_

#include <cstddef>
#include <vector>

namespace metaring::store {

// Anonymous memory of the kernel, zeroed, not resident until it is touched. One caller.
class Mapping {
 public:
  explicit Mapping(size_t bytes);
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping();
  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  char* data_;
  size_t size_;
};

// One caller. Others may read what was handed out, when the caller published it to them.
class Arena {
 public:
  // Aligned to 8; valid as long as the arena.
  char* Allocate(size_t bytes);
  // Handed out so far.
  size_t bytes_used() const { return bytes_used_; }

 private:
  std::vector<Mapping> blocks_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
  size_t bytes_used_ = 0;
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_ARENA_H_
