// SPDX-License-Identifier: Apache-2.0
//
// The tree of nullfs: inodes, entries, content and xattrs in memory, nothing more than a mount
// needs to answer truthfully. The kernel's node id of an inode is its address, so that no table
// stands between a request and its inode, and a directory's entries are one hash table and one
// vector of slots.
//
// An inode lives while the kernel knows it (lookups) or a name leads to it: one count of
// references.
//
// Lock order: Tree's moving_mutex_, held by the few that take the mutexes of several directories
// (rename, rmdir); a directory's mutex, otherwise one at a time; an inode's mutex, always the last
// and alone.
#ifndef METARING_TESTS_BENCH_NULLFS_TREE_H_
#define METARING_TESTS_BENCH_NULLFS_TREE_H_

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/mutex.h"

namespace metaring::nullfs {

// An errno as the error: nullfs has no one to explain it to, and a string would cost an allocation.
template <typename T>
using ErrnoOr = tl::expected<T, int>;

struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return Xxh3(name); }
};

struct Inode;

// The entries of a directory. A slot keeps its number while its entry lives and is used again
// later, so slot numbers are stable cookies. One caller.
class Entries {
 public:
  struct Slot {
    const std::string* name = nullptr;  // nullptr: free
    Inode* inode = nullptr;
  };

  Inode* Find(std::string_view name) const;
  // The name must be absent.
  void Add(std::string_view name, Inode* inode);
  // The name must be present.
  void Remove(std::string_view name);
  bool Empty() const { return by_name_.empty(); }
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  std::unordered_map<std::string, uint32_t, NameHash, std::equal_to<>> by_name_;  // name -> slot
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
};

struct Directory {
  Mutex mutex;
  Entries entries GUARDED_BY(mutex);
  bool removed GUARDED_BY(mutex) = false;  // after rmdir: takes no entries
};

struct Inode {
  explicit Inode(const struct stat& attributes)
      : type(attributes.st_mode & S_IFMT),
        ino(attributes.st_ino),
        directory(S_ISDIR(attributes.st_mode) ? std::make_unique<Directory>() : nullptr),
        attr(attributes) {}

  std::atomic<uint64_t> references{1};  // lookups of the kernel, plus one for each name
  const mode_t type;                    // S_IFMT bits
  const ino_t ino;
  const std::unique_ptr<Directory> directory;  // nullptr for what is not one
  Mutex mutex;
  struct stat attr GUARDED_BY(mutex);
  Bytes content GUARDED_BY(mutex);  // of a file; a symlink's target
  std::unique_ptr<std::map<std::string, Bytes, std::less<>>> xattrs GUARDED_BY(mutex);
};

// What a lookup gives: the inode with a reference for the kernel, and its attributes.
struct Found {
  Inode* inode = nullptr;  // nullptr: no such name
  struct stat attr {};
};

struct NewInode {
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t rdev = 0;
  std::string_view symlink_target;
};

// Called for each entry of a listing, under the directory's mutex; `next` is where to go on after
// it. False: the entry was not taken, and the listing ends.
using ListVisit = std::function<bool(const std::string& name, const Found& found, size_t next)>;

// Thread-safe.
class Tree {
 public:
  Tree(uid_t uid, gid_t gid);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Inode& root() { return *root_; }
  uint64_t inodes() const { return inodes_.load(std::memory_order_relaxed); }

  Found Lookup(Inode& directory, std::string_view name);
  ErrnoOr<Found> Make(Inode& directory, std::string_view name, const NewInode& made);
  ErrnoOr<Found> Link(Inode& inode, Inode& directory, std::string_view name);
  // 0 or an errno.
  int Unlink(Inode& directory, std::string_view name);
  int Rmdir(Inode& directory, std::string_view name);
  int Rename(Inode& from, std::string_view old_name, Inode& to, std::string_view new_name,
             bool no_replace);

  // Visits the entries at slot `from` and after it. With `attributes`, they are filled in and each
  // entry taken has one reference for the kernel more; else they are empty.
  void List(Inode& directory, size_t from, bool attributes, const ListVisit& visit);

  // Drops references of the kernel.
  void Forget(Inode& inode, uint64_t count);

 private:
  ErrnoOr<Inode*> Move(Directory& from, std::string_view old_name, Directory& to,
                       std::string_view new_name, bool no_replace)
      REQUIRES(moving_mutex_, from.mutex, to.mutex);
  // Marks it removed when it has no entries; false when it has.
  bool Retire(Directory& directory) REQUIRES(moving_mutex_);
  // Takes one name's share from an inode; its entry is gone already.
  void DropName(Inode& inode);

  Mutex moving_mutex_;
  std::atomic<uint64_t> next_ino_{2};
  std::atomic<uint64_t> inodes_{1};
  Inode* const root_;
};

// The kernel's own clock for file times: cheap, as exact as its tick.
timespec CoarseNow();

}  // namespace metaring::nullfs

#endif  // METARING_TESTS_BENCH_NULLFS_TREE_H_
