// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/nullfs/tree.h"

#include <cerrno>
#include <ctime>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::nullfs {
namespace {

constexpr blksize_t kBlockSize = 4096;

struct stat NewAttributes(const NewInode& made, uint64_t ino) {
  struct stat attr {};
  attr.st_ino = ino;
  attr.st_mode = made.mode;
  attr.st_nlink = S_ISDIR(made.mode) ? 2 : 1;
  attr.st_uid = made.uid;
  attr.st_gid = made.gid;
  attr.st_rdev = made.rdev;
  attr.st_blksize = kBlockSize;
  attr.st_size = static_cast<off_t>(made.symlink_target.size());
  attr.st_atim = attr.st_mtim = attr.st_ctim = CoarseNow();
  return attr;
}

struct stat AttributesOf(Inode& inode) {
  const MutexLock lock(inode.mutex);
  return inode.attr;
}

// What a change of its entries does to a directory.
void TouchDirectory(Inode& inode, int nlink_change) {
  const MutexLock lock(inode.mutex);
  inode.attr.st_mtim = inode.attr.st_ctim = CoarseNow();
  inode.attr.st_nlink += static_cast<nlink_t>(nlink_change);
}

}  // namespace

timespec CoarseNow() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now;
}

Inode* Entries::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : slots_[found->second].inode;
}

void Entries::Add(std::string_view name, Inode* inode) {
  auto slot = static_cast<uint32_t>(slots_.size());
  if (free_slots_.empty()) {
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  const auto [entry, added] = by_name_.emplace(name, slot);
  CHECK(added);
  slots_[slot] = {&entry->first, inode};
}

void Entries::Remove(std::string_view name) {
  const auto found = by_name_.find(name);
  CHECK(found != by_name_.end());
  slots_[found->second] = {};
  free_slots_.push_back(found->second);
  by_name_.erase(found);
}

Tree::Tree(uid_t uid, gid_t gid)
    : root_(new Inode(NewAttributes(
          {.mode = S_IFDIR | 0755, .uid = uid, .gid = gid, .rdev = 0, .symlink_target = {}}, 1))) {}

// What the kernel still knew of unlinked inodes goes with the process.
Tree::~Tree() {
  std::vector<Inode*> rest{root_};
  while (!rest.empty()) {
    Inode* inode = rest.back();
    rest.pop_back();
    if (inode->directory) {
      const MutexLock lock(inode->directory->mutex);
      for (const Entries::Slot& slot : inode->directory->entries.slots()) {
        // A further link to it keeps it for its last name.
        if (slot.name == nullptr) continue;
        const MutexLock attr_lock(slot.inode->mutex);
        if (slot.inode->directory || --slot.inode->attr.st_nlink == 0) rest.push_back(slot.inode);
      }
    }
    delete inode;
  }
}

Found Tree::Lookup(Inode& directory, std::string_view name) {
  Found found;
  {
    const MutexLock lock(directory.directory->mutex);
    found.inode = directory.directory->entries.Find(name);
    if (found.inode == nullptr) return found;
    found.inode->references.fetch_add(1, std::memory_order_relaxed);
  }
  found.attr = AttributesOf(*found.inode);
  return found;
}

ErrnoOr<Found> Tree::Make(Inode& directory, std::string_view name, const NewInode& made) {
  Found found;
  found.attr = NewAttributes(made, next_ino_.fetch_add(1, std::memory_order_relaxed));
  auto inode = std::make_unique<Inode>(found.attr);
  inode->references = 2;  // its name and the kernel's lookup
  if (!made.symlink_target.empty()) {
    const MutexLock lock(inode->mutex);
    inode->content = made.symlink_target;
  }
  found.inode = inode.get();
  {
    const MutexLock lock(directory.directory->mutex);
    if (directory.directory->removed) return tl::unexpected(ENOENT);
    if (directory.directory->entries.Find(name) != nullptr) return tl::unexpected(EEXIST);
    directory.directory->entries.Add(name, inode.release());
  }
  inodes_.fetch_add(1, std::memory_order_relaxed);
  TouchDirectory(directory, S_ISDIR(made.mode) ? 1 : 0);
  return found;
}

ErrnoOr<Found> Tree::Link(Inode& inode, Inode& directory, std::string_view name) {
  if (inode.directory) return tl::unexpected(EPERM);
  {
    const MutexLock lock(directory.directory->mutex);
    if (directory.directory->removed) return tl::unexpected(ENOENT);
    if (directory.directory->entries.Find(name) != nullptr) return tl::unexpected(EEXIST);
    directory.directory->entries.Add(name, &inode);
    inode.references.fetch_add(2, std::memory_order_relaxed);
  }
  TouchDirectory(directory, 0);
  const MutexLock lock(inode.mutex);
  ++inode.attr.st_nlink;
  inode.attr.st_ctim = CoarseNow();
  return Found{&inode, inode.attr};
}

int Tree::Unlink(Inode& directory, std::string_view name) {
  Inode* inode = nullptr;
  {
    const MutexLock lock(directory.directory->mutex);
    inode = directory.directory->entries.Find(name);
    if (inode == nullptr) return ENOENT;
    if (inode->directory) return EISDIR;
    directory.directory->entries.Remove(name);
  }
  TouchDirectory(directory, 0);
  DropName(*inode);
  return 0;
}

int Tree::Rmdir(Inode& directory, std::string_view name) {
  Inode* inode = nullptr;
  {
    const MutexLock moving(moving_mutex_);
    const MutexLock lock(directory.directory->mutex);
    inode = directory.directory->entries.Find(name);
    if (inode == nullptr) return ENOENT;
    if (!inode->directory) return ENOTDIR;
    if (!Retire(*inode->directory)) return ENOTEMPTY;
    directory.directory->entries.Remove(name);
  }
  TouchDirectory(directory, -1);
  DropName(*inode);
  return 0;
}

int Tree::Rename(Inode& from, std::string_view old_name, Inode& to, std::string_view new_name,
                 bool no_replace) {
  Directory& source = *from.directory;
  Directory& target = *to.directory;
  ErrnoOr<Inode*> replaced = nullptr;
  bool is_directory = false;
  {
    const MutexLock moving(moving_mutex_);
    if (&from == &to) {
      const MutexLock lock(source.mutex);
      replaced = Move(source, old_name, source, new_name, no_replace);
    } else {
      const MutexLock source_lock(source.mutex);
      const MutexLock target_lock(target.mutex);
      replaced = Move(source, old_name, target, new_name, no_replace);
      const Inode* moved = target.entries.Find(new_name);
      is_directory = moved != nullptr && moved->directory;
    }
  }
  if (!replaced) return replaced.error();
  const bool replaced_directory = *replaced != nullptr && (*replaced)->directory;
  TouchDirectory(from, (is_directory ? -1 : 0) - (&from == &to && replaced_directory ? 1 : 0));
  if (&from != &to) TouchDirectory(to, (is_directory ? 1 : 0) - (replaced_directory ? 1 : 0));
  if (*replaced != nullptr) DropName(**replaced);
  return 0;
}

// Gives the inode that lost the new name, or nullptr. That the moved is no ancestor of its target
// the kernel has checked: nobody else changes this tree.
ErrnoOr<Inode*> Tree::Move(Directory& from, std::string_view old_name, Directory& to,
                           std::string_view new_name, bool no_replace) {
  Inode* const moved = from.entries.Find(old_name);
  if (moved == nullptr || to.removed) return tl::unexpected(ENOENT);
  Inode* const replaced = to.entries.Find(new_name);
  if (replaced != nullptr) {
    if (no_replace) return tl::unexpected(EEXIST);
    if (replaced == moved) return nullptr;
    if (replaced->directory && !moved->directory) return tl::unexpected(EISDIR);
    if (!replaced->directory && moved->directory) return tl::unexpected(ENOTDIR);
    if (replaced->directory) {
      // These two have an entry: the moved one, or the path to it.
      if (replaced->directory.get() == &from || replaced->directory.get() == &to) {
        return tl::unexpected(ENOTEMPTY);
      }
      if (!Retire(*replaced->directory)) return tl::unexpected(ENOTEMPTY);
    }
    to.entries.Remove(new_name);
  }
  from.entries.Remove(old_name);
  to.entries.Add(new_name, moved);
  return replaced;
}

bool Tree::Retire(Directory& directory) {
  const MutexLock lock(directory.mutex);
  if (!directory.entries.Empty()) return false;
  directory.removed = true;
  return true;
}

void Tree::DropName(Inode& inode) {
  {
    const MutexLock lock(inode.mutex);
    inode.attr.st_nlink = inode.directory ? 0 : inode.attr.st_nlink - 1;
    inode.attr.st_ctim = CoarseNow();
  }
  Forget(inode, 1);
}

void Tree::List(Inode& directory, size_t from, bool attributes, const ListVisit& visit) {
  const MutexLock lock(directory.directory->mutex);
  const auto& slots = directory.directory->entries.slots();
  for (size_t i = from; i < slots.size(); ++i) {
    if (slots[i].name == nullptr) continue;
    Found found{.inode = slots[i].inode, .attr = {}};
    if (attributes) found.attr = AttributesOf(*found.inode);
    if (!visit(*slots[i].name, found, i + 1)) return;
    if (attributes) found.inode->references.fetch_add(1, std::memory_order_relaxed);
  }
}

void Tree::Forget(Inode& inode, uint64_t count) {
  if (&inode == root_) return;
  if (inode.references.fetch_sub(count, std::memory_order_acq_rel) != count) return;
  inodes_.fetch_sub(1, std::memory_order_relaxed);
  delete &inode;
}

}  // namespace metaring::nullfs
