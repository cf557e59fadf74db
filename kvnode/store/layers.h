// SPDX-License-Identifier: Apache-2.0
//
// Layers: what lies above LMDB at a moment, and the board from which readers take it.
#ifndef METARING_KVNODE_STORE_LAYERS_H_
#define METARING_KVNODE_STORE_LAYERS_H_

#include <array>
#include <cstdint>
#include <memory>

#include "kvnode/base/mutex.h"
#include "kvnode/store/overlay.h"
#include "kvnode/store/shard.h"

namespace metaring::store {

// Immutable, but that `active` is written to.
struct Layers {
  std::shared_ptr<Overlay> active;
  std::shared_ptr<Overlay> frozen;  // being flushed; may be null
  // The last LMDB commit that was known when these were the layers. With a frozen overlay, the
  // commit that holds it (base_commit + 1) may be there already, which makes no difference to a
  // reader.
  uint64_t base_commit = 0;

  uint64_t base_commit_max() const { return base_commit + (frozen == nullptr ? 0 : 1); }
};

// Thread-safe, but for Post: one caller at a time.
class LayerBoard {
 public:
  std::shared_ptr<const Layers> Current() const {
    const Shard& shard = shards_[ThisThreadShard()];
    MutexLock lock(shard.mutex);
    return shard.layers;
  }

  // Every Current that begins after it has returned gives `layers`. Each shard gets a copy of its
  // own, so that readers of different shards do not count references on one cache line.
  void Post(const Layers& layers) {
    for (Shard& shard : shards_) {
      auto copy = std::make_shared<const Layers>(layers);
      MutexLock lock(shard.mutex);
      shard.layers.swap(copy);
    }
  }

 private:
  struct alignas(64) Shard {
    mutable Mutex mutex;
    std::shared_ptr<const Layers> layers GUARDED_BY(mutex);
  };
  std::array<Shard, kShardCount> shards_;
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_LAYERS_H_
