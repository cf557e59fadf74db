// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/snapshot.h"

#include "kvnode/store/key_tree.h"
#include "kvnode/store/merge_cursor.h"

namespace metaring::store {
namespace {

// What a View gives when LMDB had no cursor for it.
class FailedCursor : public Cursor {
 public:
  explicit FailedCursor(Error error) : error_(std::move(error)) {}
  void Seek(ByteView) override {}
  void Next() override {}
  bool Valid() const override { return false; }
  ByteView key() const override { return {}; }
  ByteView value() const override { return {}; }
  Status status() const override { return Fail(error_); }

 private:
  const Error error_;
};

}  // namespace

// First the layers, then LMDB, then the sequence number. LMDB may be ahead of the layers by then:
// by the commit of their frozen overlay, which changes nothing, or by later ones, which hold
// versions newer than the snapshot's and cannot be told from it any more; then the board has newer
// layers. The number may be ahead of the layers too: then the snapshot is as of the last commit
// that the layers hold.
Result<Snapshot> Snapshot::Take(const LayerBoard& board, LmdbEnv& env,
                                const std::atomic<uint64_t>& sequence) {
  for (;;) {
    auto layers = board.Current();
    ASSIGN_OR_RETURN(ReadTxn base, env.BeginRead());
    if (base.id() > layers->base_commit_max()) continue;
    return Snapshot(std::move(layers), std::move(base), sequence.load(std::memory_order_acquire));
  }
}

Result<std::optional<Bytes>> Snapshot::Get(ByteView key) const {
  for (const Overlay* overlay : {layers_->active.get(), layers_->frozen.get()}) {
    if (overlay == nullptr) continue;
    if (const auto write = overlay->Find(key, sequence_)) {
      if (write->deleted) return std::nullopt;
      return Bytes(write->value);
    }
  }
  ASSIGN_OR_RETURN(const auto value, KeyTreeGet(base_, key));
  if (!value) return std::nullopt;
  return Bytes(*value);
}

std::unique_ptr<Cursor> Snapshot::NewCursor() const {
  auto base = LmdbCursor::Open(base_);
  if (!base) return std::make_unique<FailedCursor>(std::move(base).error());
  return std::make_unique<MergeCursor>(*layers_->active, layers_->frozen.get(), sequence_,
                                       std::move(*base));
}

}  // namespace metaring::store
