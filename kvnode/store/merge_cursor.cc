// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/merge_cursor.h"

namespace metaring::store {

MergeCursor::MergeCursor(const Overlay& active, const Overlay* frozen, uint64_t sequence,
                         LmdbCursor base)
    : active_(active, sequence), base_(std::move(base)) {
  if (frozen != nullptr) frozen_.emplace(*frozen, sequence);
}

void MergeCursor::Seek(ByteView key) {
  active_.Seek(key);
  if (frozen_) frozen_->Seek(key);
  base_.Seek(key);
  Settle();
}

void MergeCursor::Next() {
  StepPastKey();
  Settle();
}

Status MergeCursor::status() const {
  if (base_.error()) return Fail(*base_.error());
  return {};
}

// The source that has the smallest key; of equal ones, the newest.
void MergeCursor::Choose() {
  source_ = Source::kNone;
  if (active_.Valid()) {
    source_ = Source::kActive;
    key_ = active_.key();
  }
  if (FrozenValid() && (source_ == Source::kNone || frozen_->key() < key_)) {
    source_ = Source::kFrozen;
    key_ = frozen_->key();
  }
  if (base_.Valid() && (source_ == Source::kNone || base_.key() < key_)) {
    source_ = Source::kBase;
    key_ = base_.key();
  }
}

// The source that key_ points into moves last.
void MergeCursor::StepPastKey() {
  const Source source = source_;
  if (source == Source::kActive && FrozenValid() && frozen_->key() == key_) frozen_->Next();
  if (source != Source::kBase && base_.Valid() && base_.key() == key_) base_.Next();
  if (source == Source::kActive) active_.Next();
  if (source == Source::kFrozen) frozen_->Next();
  if (source == Source::kBase) base_.Next();
}

void MergeCursor::Settle() {
  for (;;) {
    Choose();
    if (base_.error()) source_ = Source::kNone;
    switch (source_) {
      case Source::kNone:
        return;
      case Source::kBase:
        value_ = base_.value();
        return;
      case Source::kActive:
        if (!active_.deleted()) {
          value_ = active_.value();
          return;
        }
        break;
      case Source::kFrozen:
        if (!frozen_->deleted()) {
          value_ = frozen_->value();
          return;
        }
        break;
    }
    StepPastKey();
  }
}

}  // namespace metaring::store
