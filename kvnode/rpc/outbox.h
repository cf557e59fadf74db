// SPDX-License-Identifier: Apache-2.0
//
// Outbox: frames on their way out, joined so that many small ones go in one TLS record and one
// system call. A small frame is copied to the end of the last chunk; a large one is a chunk of its
// own and is not copied.
#ifndef METARING_KVNODE_RPC_OUTBOX_H_
#define METARING_KVNODE_RPC_OUTBOX_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "kvnode/base/bytes.h"

namespace metaring::rpc {

// One caller.
class Outbox {
 public:
  // What a TLS record carries at most.
  static constexpr size_t kChunkBytes = 16'384;

  void Push(Bytes frame) {
    bytes_ += frame.size();
    if (!chunks_.empty() && chunks_.back().size() + frame.size() <= kChunkBytes) {
      Bytes& last = chunks_.back();
      if (last.capacity() < kChunkBytes) last.reserve(kChunkBytes);
      last.append(frame);
    } else {
      chunks_.push_back(std::move(frame));
    }
  }
  // All that `other` has, behind what is here; `other` is empty then.
  void TakeAll(Outbox& other) {
    if (chunks_.empty()) {
      chunks_.swap(other.chunks_);
    } else {
      for (Bytes& chunk : other.chunks_) chunks_.push_back(std::move(chunk));
      other.chunks_.clear();
    }
    bytes_ += other.bytes_;
    other.bytes_ = 0;
  }
  // What goes out next; not empty unless the outbox is.
  ByteView Front() const {
    return chunks_.empty() ? ByteView() : ByteView(chunks_.front()).substr(sent_);
  }
  // `count` bytes of Front() are gone.
  void Pop(size_t count) {
    sent_ += count;
    bytes_ -= count;
    if (sent_ < chunks_.front().size()) return;
    chunks_.erase(chunks_.begin());
    sent_ = 0;
  }
  void Clear() { *this = Outbox(); }

  bool empty() const { return chunks_.empty(); }
  size_t bytes() const { return bytes_; }

 private:
  std::vector<Bytes> chunks_;  // few: small frames share one
  size_t sent_ = 0;            // of the first chunk
  size_t bytes_ = 0;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_OUTBOX_H_
