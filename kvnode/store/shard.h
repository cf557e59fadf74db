// SPDX-License-Identifier: Apache-2.0
//
// Which of a few copies of a lock and what it guards a thread uses, so that readers on many cores
// do not pass one cache line around. Any copy is right for any thread; only the speed differs.
#ifndef METARING_KVNODE_STORE_SHARD_H_
#define METARING_KVNODE_STORE_SHARD_H_

#include <cstddef>
#include <functional>
#include <thread>

namespace metaring::store {

inline constexpr size_t kShardCount = 16;

inline size_t ThisThreadShard() {
  thread_local const size_t shard =
      std::hash<std::thread::id>()(std::this_thread::get_id()) % kShardCount;
  return shard;
}

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_SHARD_H_
