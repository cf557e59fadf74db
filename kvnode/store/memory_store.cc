// SPDX-License-Identifier: Apache-2.0
//
// The memory form of Store: one immutable tree, of which every write makes a new root that shares
// all but one path with the old one. A View is a root, so that a snapshot costs a pointer and never
// stands in a writer's way. The tree is a treap (Seidel and Aragon, 1996) whose priorities are the
// keys' hashes: its shape depends on its keys alone, never on history, as a simulation needs it.
//
// Nothing survives the object. Flush only moves flushed(), as if a disk had taken everything.
#include <atomic>
#include <vector>

#include "kvnode/base/check.h"
#include "kvnode/base/mutex.h"
#include "kvnode/store/store.h"

namespace metaring::store {
namespace {

struct Node;
using Root = std::shared_ptr<const Node>;

struct Entry {
  Bytes key;
  Bytes value;
};

struct Node {
  std::shared_ptr<const Entry> entry;
  uint64_t priority;
  Root left;
  Root right;
};

struct Tree {
  Root root;
  uint64_t bytes = 0;  // of keys and values
  uint64_t keys = 0;
};

Root Make(const Node& like, Root left, Root right) {
  return std::make_shared<const Node>(
      Node{like.entry, like.priority, std::move(left), std::move(right)});
}

// Puts `child` in place of the left (right) child of `node`, and above it if its priority says so.
Root WithLeft(const Node& node, const Root& child) {
  if (child == nullptr || child->priority <= node.priority) return Make(node, child, node.right);
  return Make(*child, child->left, Make(node, child->right, node.right));
}
Root WithRight(const Node& node, const Root& child) {
  if (child == nullptr || child->priority <= node.priority) return Make(node, node.left, child);
  return Make(*child, Make(node, node.left, child->left), child->right);
}

Root Insert(const Root& node, const std::shared_ptr<const Entry>& entry) {
  if (node == nullptr) {
    return std::make_shared<const Node>(Node{entry, Xxh3(entry->key), nullptr, nullptr});
  }
  const int order = entry->key.compare(node->entry->key);
  if (order < 0) return WithLeft(*node, Insert(node->left, entry));
  if (order > 0) return WithRight(*node, Insert(node->right, entry));
  return std::make_shared<const Node>(Node{entry, node->priority, node->left, node->right});
}

// All keys of `left` are before all of `right`.
Root Join(const Root& left, const Root& right) {
  if (left == nullptr) return right;
  if (right == nullptr) return left;
  if (left->priority > right->priority) return Make(*left, left->left, Join(left->right, right));
  return Make(*right, Join(left, right->left), right->right);
}

// `key` must be in the tree.
Root Erase(const Root& node, ByteView key) {
  const int order = key.compare(node->entry->key);
  if (order < 0) return Make(*node, Erase(node->left, key), node->right);
  if (order > 0) return Make(*node, node->left, Erase(node->right, key));
  return Join(node->left, node->right);
}

const Entry* Find(const Node* node, ByteView key) {
  while (node != nullptr) {
    const int order = key.compare(node->entry->key);
    if (order == 0) return node->entry.get();
    node = order < 0 ? node->left.get() : node->right.get();
  }
  return nullptr;
}

// Reads the tree that `tree` is when Seek is called.
class TreeCursor : public Cursor {
 public:
  explicit TreeCursor(const Tree& tree) : tree_(tree) {}

  void Seek(ByteView key) override {
    root_ = tree_.root;
    path_.clear();
    for (const Node* node = root_.get(); node != nullptr;) {
      if (key <= node->entry->key) {
        path_.push_back(node);
        node = node->left.get();
      } else {
        node = node->right.get();
      }
    }
  }
  void Next() override {
    const Node* node = path_.back()->right.get();
    path_.pop_back();
    for (; node != nullptr; node = node->left.get()) path_.push_back(node);
  }
  bool Valid() const override { return !path_.empty(); }
  ByteView key() const override { return path_.back()->entry->key; }
  ByteView value() const override { return path_.back()->entry->value; }
  Status status() const override { return {}; }

 private:
  const Tree& tree_;
  Root root_;
  std::vector<const Node*> path_;  // the nodes at or after the position that are still to come
};

std::optional<Bytes> GetFrom(const Tree& tree, ByteView key) {
  const Entry* entry = Find(tree.root.get(), key);
  if (entry == nullptr) return std::nullopt;
  return entry->value;
}

class MemoryView : public View {
 public:
  explicit MemoryView(Tree tree) : tree_(std::move(tree)) {}
  Result<std::optional<Bytes>> Get(ByteView key) const override { return GetFrom(tree_, key); }
  std::unique_ptr<Cursor> NewCursor() const override { return std::make_unique<TreeCursor>(tree_); }

 private:
  const Tree tree_;
};

class MemoryStore : public Store {
 public:
  Result<std::unique_ptr<View>> NewView() const override {
    MutexLock lock(mutex_);
    return std::make_unique<MemoryView>(tree_);
  }
  Result<std::unique_ptr<Txn>> Begin() override;

  uint64_t applied() const override { return applied_.load(std::memory_order_acquire); }
  uint64_t flushed() const override { return flushed_.load(std::memory_order_acquire); }

  Status Flush() override {
    MutexLock lock(mutex_);
    flushed_.store(applied_.load(std::memory_order_relaxed), std::memory_order_release);
    return {};
  }
  Usage usage() const override {
    MutexLock lock(mutex_);
    Usage usage;
    usage.bytes_used = tree_.bytes;
    usage.keys_flushed = tree_.keys;
    return usage;
  }

 private:
  friend class MemoryTxn;
  mutable Mutex mutex_;
  Tree tree_ GUARDED_BY(mutex_);  // of the last Commit
  bool txn_open_ GUARDED_BY(mutex_) = false;
  std::atomic<uint64_t> applied_ = 0;  // moves under mutex_, at Commit
  std::atomic<uint64_t> flushed_ = 0;  // moves under mutex_, at Flush; flushed <= applied
};

class MemoryTxn : public Txn {
 public:
  MemoryTxn(MemoryStore& store, Tree tree) : store_(store), tree_(std::move(tree)) {}
  MemoryTxn(const MemoryTxn&) = delete;
  MemoryTxn& operator=(const MemoryTxn&) = delete;
  ~MemoryTxn() override {
    if (!open_) return;
    MutexLock lock(store_.mutex_);
    store_.txn_open_ = false;
  }

  Result<std::optional<Bytes>> Get(ByteView key) const override { return GetFrom(tree_, key); }
  std::unique_ptr<Cursor> NewCursor() const override { return std::make_unique<TreeCursor>(tree_); }

  void Put(ByteView key, ByteView value) override {
    CHECK(open_ && !key.empty() && key.size() <= kKeyBytesMax && value.size() <= kValueBytesMax);
    Forget(key);
    tree_.root = Insert(tree_.root, std::make_shared<const Entry>(Entry{Bytes(key), Bytes(value)}));
    tree_.bytes += key.size() + value.size();
    ++tree_.keys;
  }
  void Delete(ByteView key) override {
    CHECK(open_);
    if (Forget(key)) tree_.root = Erase(tree_.root, key);
  }
  void Commit(uint64_t applied) override {
    MutexLock lock(store_.mutex_);
    CHECK(open_ && applied > store_.applied_.load(std::memory_order_relaxed));
    store_.tree_ = tree_;
    store_.applied_.store(applied, std::memory_order_release);
    store_.txn_open_ = false;
    open_ = false;
  }

 private:
  // Takes the key out of the counts. False when it is not there.
  bool Forget(ByteView key) {
    const Entry* entry = Find(tree_.root.get(), key);
    if (entry == nullptr) return false;
    tree_.bytes -= entry->key.size() + entry->value.size();
    --tree_.keys;
    return true;
  }

  MemoryStore& store_;
  Tree tree_;
  bool open_ = true;
};

Result<std::unique_ptr<Txn>> MemoryStore::Begin() {
  MutexLock lock(mutex_);
  CHECK(!txn_open_);
  txn_open_ = true;
  return std::make_unique<MemoryTxn>(*this, tree_);
}

}  // namespace

std::unique_ptr<Store> NewMemoryStore() {
  return std::make_unique<MemoryStore>();
}

}  // namespace metaring::store
