// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/overlay.h"

#include <algorithm>
#include <bit>
#include <new>

namespace metaring::store {
namespace {

constexpr size_t kBytesPerBucket = 256;  // about one entry of a file
constexpr size_t kBucketsMin = 1024;
constexpr size_t kPageBytes = 4096;
constexpr size_t kBytesPerLevel = 501;  // of a long key, see format.h
constexpr int kBranching = 4;

}  // namespace

// In the arena, its value behind it. Never changes.
struct Overlay::Version {
  const Version* older;
  uint64_t sequence;
  uint32_t value_bytes;
  bool deleted;

  char* data() { return reinterpret_cast<char*>(this + 1); }
  ByteView value() const { return {reinterpret_cast<const char*>(this + 1), value_bytes}; }
};

// In the arena, behind it `height` links to the next node of each level, then the key.
struct Overlay::Node {
  std::atomic<const Version*> newest;  // null: only dropped writes
  Node* same_bucket;                   // fixed before the node is published
  uint32_t key_bytes;
  uint32_t height;

  std::atomic<Node*>* links() { return reinterpret_cast<std::atomic<Node*>*>(this + 1); }
  Node* Next(int level) { return links()[level].load(std::memory_order_acquire); }
  const Node* Next(int level) const { return const_cast<Node*>(this)->Next(level); }
  char* key_data() { return reinterpret_cast<char*>(links() + height); }
  ByteView key() const { return {const_cast<Node*>(this)->key_data(), key_bytes}; }
};

Overlay::Overlay(size_t bytes_expected)
    : bucket_count_(std::bit_ceil(std::max(bytes_expected / kBytesPerBucket, kBucketsMin))),
      buckets_(bucket_count_ * sizeof(std::atomic<Node*>)),
      head_(NewNode({}, kHeightMax)) {}

void Overlay::Put(uint64_t sequence, ByteView key, ByteView value) {
  Write(sequence, key, false, value);
}

void Overlay::Delete(uint64_t sequence, ByteView key) {
  Write(sequence, key, true, {});
}

void Overlay::Write(uint64_t sequence, ByteView key, bool deleted, ByteView value) {
  Node* node = FindNode(key);
  size_t pages = value.size() / kPageBytes;
  if (node == nullptr) {
    node = Insert(key);
    pages += 1 + key.size() / kBytesPerLevel;
  }
  auto* const version = new (arena_.Allocate(sizeof(Version) + value.size()))
      Version{node->newest.load(std::memory_order_relaxed), sequence,
              static_cast<uint32_t>(value.size()), deleted};
  std::copy(value.begin(), value.end(), version->data());
  node->newest.store(version, std::memory_order_release);
  touched_.push_back(node);
  pages_max_.fetch_add(pages, std::memory_order_relaxed);
  bytes_used_.store(arena_.bytes_used(), std::memory_order_relaxed);
}

void Overlay::Drop(uint64_t sequence) {
  for (Node* const node : touched_) {
    const Version* version = node->newest.load(std::memory_order_relaxed);
    while (version != nullptr && version->sequence == sequence) version = version->older;
    node->newest.store(version, std::memory_order_release);
  }
  touched_.clear();
}

std::optional<OverlayWrite> Overlay::Find(ByteView key, uint64_t sequence) const {
  const Node* const node = FindNode(key);
  if (node == nullptr) return std::nullopt;
  const Version* const version = Newest(node, sequence);
  if (version == nullptr) return std::nullopt;
  return OverlayWrite{version->deleted, version->value()};
}

const Overlay::Version* Overlay::Newest(const Node* node, uint64_t sequence) {
  const Version* version = node->newest.load(std::memory_order_acquire);
  while (version != nullptr && version->sequence > sequence) version = version->older;
  return version;
}

std::atomic<Overlay::Node*>& Overlay::Bucket(ByteView key) const {
  auto* const buckets = reinterpret_cast<std::atomic<Node*>*>(buckets_.data());
  return buckets[Xxh3(key) & (bucket_count_ - 1)];
}

Overlay::Node* Overlay::FindNode(ByteView key) const {
  Node* node = Bucket(key).load(std::memory_order_acquire);
  while (node != nullptr && node->key() != key) node = node->same_bucket;
  return node;
}

Overlay::Node* Overlay::FindAtLeast(ByteView key, Node** before) const {
  Node* node = head_;
  for (int level = kHeightMax - 1;; --level) {
    Node* next = node->Next(level);
    while (next != nullptr && next->key() < key) {
      node = next;
      next = node->Next(level);
    }
    if (before != nullptr) before[level] = node;
    if (level == 0) return next;
  }
}

Overlay::Node* Overlay::NewNode(ByteView key, int height) {
  const size_t links_bytes = static_cast<size_t>(height) * sizeof(std::atomic<Node*>);
  auto* const node = new (arena_.Allocate(sizeof(Node) + links_bytes + key.size()))
      Node{nullptr, nullptr, static_cast<uint32_t>(key.size()), static_cast<uint32_t>(height)};
  for (int level = 0; level < height; ++level) {
    new (node->links() + level) std::atomic<Node*>(nullptr);
  }
  std::copy(key.begin(), key.end(), node->key_data());
  return node;
}

Overlay::Node* Overlay::Insert(ByteView key) {
  Node* before[kHeightMax];
  FindAtLeast(key, before);
  int height = 1;
  while (height < kHeightMax && random_.OneIn(kBranching)) ++height;
  Node* const node = NewNode(key, height);
  std::atomic<Node*>& bucket = Bucket(key);
  node->same_bucket = bucket.load(std::memory_order_relaxed);
  for (int level = 0; level < height; ++level) {
    node->links()[level].store(before[level]->Next(level), std::memory_order_relaxed);
    before[level]->links()[level].store(node, std::memory_order_release);
  }
  bucket.store(node, std::memory_order_release);
  return node;
}

void OverlayCursor::Seek(ByteView key) {
  Settle(overlay_.FindAtLeast(key, nullptr));
}

void OverlayCursor::SeekFirst() {
  Settle(overlay_.head_->Next(0));
}

void OverlayCursor::Next() {
  Settle(node_->Next(0));
}

ByteView OverlayCursor::key() const {
  return node_->key();
}

bool OverlayCursor::deleted() const {
  return version_->deleted;
}

ByteView OverlayCursor::value() const {
  return version_->value();
}

void OverlayCursor::Settle(const Overlay::Node* node) {
  for (; node != nullptr; node = node->Next(0)) {
    version_ = Overlay::Newest(node, sequence_);
    if (version_ != nullptr) break;
  }
  node_ = node;
}

}  // namespace metaring::store
