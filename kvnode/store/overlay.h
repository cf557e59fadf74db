// SPDX-License-Identifier: Apache-2.0
//
// Overlay: the writes that are not in LMDB yet, in memory, ordered, with their history.
//
// A skip list (Pugh, 1990) of keys, each with its versions from the newest to the oldest; a hash
// index beside it answers point reads, and above all their misses, with one step. A version carries
// the sequence number of the commit that made it; a reader gives the number that it reads as of and
// takes the newest version that is not above it. Nothing is changed in place and nothing is freed
// before the overlay itself, so that readers need no lock: a writer fills a piece in and then
// publishes the pointer to it (release), and readers follow pointers (acquire).
#ifndef METARING_KVNODE_STORE_OVERLAY_H_
#define METARING_KVNODE_STORE_OVERLAY_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/random.h"
#include "kvnode/store/arena.h"

namespace metaring::store {

// What an overlay says about a key.
struct OverlayWrite {
  bool deleted = false;
  ByteView value;  // valid as long as the overlay
};

// One writer, any number of readers at the same time.
class Overlay {
 public:
  // `bytes_expected` sizes the index; it is no limit.
  explicit Overlay(size_t bytes_expected);
  ~Overlay() = default;
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  // The writer's. Sequence numbers never go down.
  void Put(uint64_t sequence, ByteView key, ByteView value);
  void Delete(uint64_t sequence, ByteView key);
  // The writes since the last Keep or Drop are there to stay; or they are taken back, which is
  // allowed only while no reader reads as of their sequence number.
  void Keep() { touched_.clear(); }
  void Drop(uint64_t sequence);
  // Memory handed out; grows with each write, also of the same key.
  size_t bytes_used() const { return bytes_used_.load(std::memory_order_relaxed); }
  // Pages of LMDB that its keys can lie on, were they all on different ones.
  size_t pages_max() const { return pages_max_.load(std::memory_order_relaxed); }

  // Readers'. Nothing when the key was not written as of `sequence`.
  std::optional<OverlayWrite> Find(ByteView key, uint64_t sequence) const;

 private:
  friend class OverlayCursor;
  struct Version;
  struct Node;
  static constexpr int kHeightMax = 12;

  std::atomic<Node*>& Bucket(ByteView key) const;
  Node* FindNode(ByteView key) const;
  // The first node whose key is not before `key`; with `before`, also the last node before it on
  // each level.
  Node* FindAtLeast(ByteView key, Node** before) const;
  Node* NewNode(ByteView key, int height);
  Node* Insert(ByteView key);
  void Write(uint64_t sequence, ByteView key, bool deleted, ByteView value);
  static const Version* Newest(const Node* node, uint64_t sequence);

  const size_t bucket_count_;  // a power of two
  const Mapping buckets_;      // of std::atomic<Node*>
  Arena arena_;
  Node* const head_;  // before all keys; has all levels
  Random random_{0x6f7665726c6179};
  std::vector<Node*> touched_;
  std::atomic<size_t> bytes_used_ = 0;
  std::atomic<size_t> pages_max_ = 0;
};

// One caller. The keys that were written as of a sequence number, deleted ones too, in byte order.
class OverlayCursor {
 public:
  OverlayCursor(const Overlay& overlay, uint64_t sequence)
      : overlay_(overlay), sequence_(sequence) {}
  void Seek(ByteView key);
  void SeekFirst();
  // Valid() must hold, as for the three below.
  void Next();
  bool Valid() const { return node_ != nullptr; }
  ByteView key() const;
  bool deleted() const;
  ByteView value() const;

 private:
  // Goes on from `node` to the first that has a version to show.
  void Settle(const Overlay::Node* node);

  const Overlay& overlay_;
  const uint64_t sequence_;
  const Overlay::Node* node_ = nullptr;
  const Overlay::Version* version_ = nullptr;
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_OVERLAY_H_
