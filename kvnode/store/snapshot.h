// SPDX-License-Identifier: Apache-2.0
//
// Snapshot: the overlays and an LMDB reader that belong together, read as of one sequence number.
// Views and transactions of the LMDB form read through it.
#ifndef METARING_KVNODE_STORE_SNAPSHOT_H_
#define METARING_KVNODE_STORE_SNAPSHOT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/store/layers.h"
#include "kvnode/store/lmdb_env.h"
#include "kvnode/store/store.h"

namespace metaring::store {

// One caller.
class Snapshot {
 public:
  // As of `sequence`, which is read in here, at the right moment.
  static Result<Snapshot> Take(const LayerBoard& board, LmdbEnv& env,
                               const std::atomic<uint64_t>& sequence);

  Result<std::optional<Bytes>> Get(ByteView key) const;
  // Must not be used after the snapshot's end.
  std::unique_ptr<Cursor> NewCursor() const;

  Overlay& active() const { return *layers_->active; }
  uint64_t sequence() const { return sequence_; }
  // From now on it also sees what the next commit has written so far.
  void ReadUncommitted() { ++sequence_; }

 private:
  Snapshot(std::shared_ptr<const Layers> layers, ReadTxn base, uint64_t sequence)
      : layers_(std::move(layers)), base_(std::move(base)), sequence_(sequence) {}

  std::shared_ptr<const Layers> layers_;
  ReadTxn base_;
  uint64_t sequence_;
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_SNAPSHOT_H_
