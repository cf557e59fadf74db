// SPDX-License-Identifier: Apache-2.0
//
// MergeCursor: two overlays and LMDB as one ordered run of keys. Where several have a key, the
// newest one speaks: the active overlay, then the frozen one, then LMDB; a deletion hides what is
// below.
#ifndef METARING_KVNODE_STORE_MERGE_CURSOR_H_
#define METARING_KVNODE_STORE_MERGE_CURSOR_H_

#include <cstdint>
#include <optional>

#include "kvnode/store/key_tree.h"
#include "kvnode/store/overlay.h"
#include "kvnode/store/store.h"

namespace metaring::store {

// One caller.
class MergeCursor : public Cursor {
 public:
  // `frozen` may be null.
  MergeCursor(const Overlay& active, const Overlay* frozen, uint64_t sequence, LmdbCursor base);

  void Seek(ByteView key) override;
  void Next() override;
  bool Valid() const override { return source_ != Source::kNone; }
  ByteView key() const override { return key_; }
  ByteView value() const override { return value_; }
  Status status() const override;

 private:
  enum class Source { kNone, kActive, kFrozen, kBase };
  bool FrozenValid() const { return frozen_ && frozen_->Valid(); }
  void Choose();
  void StepPastKey();
  void Settle();

  OverlayCursor active_;
  std::optional<OverlayCursor> frozen_;
  KeyTreeCursor base_;
  Source source_ = Source::kNone;  // whose entry this is
  ByteView key_;
  ByteView value_;
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_MERGE_CURSOR_H_
