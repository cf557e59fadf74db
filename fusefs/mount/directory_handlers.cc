// SPDX-License-Identifier: Apache-2.0
//
// readdir and readdirplus: one page of the directory into one reply.
//
// Cookies: 1 after ".", 2 after "..", then those of the operations. Entries whose cookies are equal
// must all be in one reply, since the next request could not name a place between them. fsyncdir is
// answered ENOSYS: the kernel then takes fsync of a directory as done, which it is, since each
// change was durable when it was answered. So is opendir, unless the volume is shared: the kernel
// then neither opens nor closes directories here and keeps listings in its page cache.
#include <algorithm>

#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

constexpr Cookie kAfterDot = 1;
constexpr Cookie kAfterDotDot = 2;

// A reply of at most `size` bytes that is filled entry by entry.
class Page {
 public:
  Page(fuse_req_t request, size_t size, bool attributes)
      : request_(request), attributes_(attributes), buffer_(size, '\0') {}

  size_t used() const { return used_; }
  bool attributes() const { return attributes_; }
  bool Fits(size_t bytes) const { return used_ + bytes <= buffer_.size(); }
  // What an entry of this name takes: with no buffer, libfuse gives the size.
  size_t EntryBytes(const char* name) const {
    return attributes_ ? fuse_add_direntry_plus(request_, nullptr, 0, name, nullptr, 0)
                       : fuse_add_direntry(request_, nullptr, 0, name, nullptr, 0);
  }
  // It must fit.
  void Add(const std::string& name, const fuse_entry_param& entry, Cookie cookie) {
    char* const to = buffer_.data() + used_;
    const size_t room = buffer_.size() - used_;
    const auto offset = static_cast<off_t>(cookie);
    used_ += attributes_ ? fuse_add_direntry_plus(request_, to, room, name.c_str(), &entry, offset)
                         : fuse_add_direntry(request_, to, room, name.c_str(), &entry.attr, offset);
  }
  ByteView content() const { return ByteView(buffer_).substr(0, used_); }

 private:
  fuse_req_t request_;
  bool attributes_;
  Bytes buffer_;
  size_t used_ = 0;
};

// An entry without a lookup reference: of readdir, and "." and ".." of readdirplus.
fuse_entry_param BareEntry(Ino ino, uint32_t type) {
  fuse_entry_param entry{};
  entry.attr.st_ino = ino.value();
  entry.attr.st_mode = type;
  return entry;
}

Ino ParentOf(Filesystem& filesystem, Ino directory) {
  if (directory == kRootIno) return kRootIno;
  if (const auto ref = filesystem.inodes.Find(directory)) return ref->place.parent;
  const auto parent = LookupParent(filesystem.context, directory);
  return parent ? parent->inode.ino : directory;
}

void AddDots(Filesystem& filesystem, Ino directory, Cookie after, Page& page) {
  if (after < kAfterDot && page.Fits(page.EntryBytes(".")))
    page.Add(".", BareEntry(directory, S_IFDIR), kAfterDot);
  if (after < kAfterDotDot && page.Fits(page.EntryBytes(".."))) {
    page.Add("..", BareEntry(ParentOf(filesystem, directory), S_IFDIR), kAfterDotDot);
  }
}

// How many entries to ask for: as many as fit, if names have the length that most have.
size_t LimitFor(const Page& page, size_t size) {
  const size_t limit = size / page.EntryBytes("sixteen bytes ok");
  return std::clamp<size_t>(limit, 1, 2048);
}

// The end of the run of entries with the cookie of entries[begin].
size_t RunEnd(const std::vector<DirectoryEntry>& entries, size_t begin) {
  size_t end = begin + 1;
  while (end < entries.size() && entries[end].cookie == entries[begin].cookie) ++end;
  return end;
}

bool RunFits(const Page& page, const std::vector<DirectoryEntry>& entries, size_t begin,
             size_t end) {
  size_t bytes = 0;
  for (size_t i = begin; i < end; ++i) bytes += page.EntryBytes(entries[i].name.c_str());
  return page.Fits(bytes);
}

// Adds what fits; the inodes that were given to the kernel with it.
std::vector<Ino> AddEntries(Filesystem& filesystem, const std::vector<DirectoryEntry>& entries,
                            Page& page) {
  std::vector<Ino> given;
  for (size_t begin = 0; begin < entries.size();) {
    const size_t end = RunEnd(entries, begin);
    if (!RunFits(page, entries, begin, end)) break;
    for (; begin < end; ++begin) {
      const DirectoryEntry& entry = entries[begin];
      if (page.attributes() && entry.node) {
        page.Add(entry.name, filesystem.GiveEntry(*entry.node), entry.cookie);
        given.push_back(entry.ino);
      } else {
        page.Add(entry.name, BareEntry(entry.ino, entry.type), entry.cookie);
      }
    }
  }
  return given;
}

void AnswerListing(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, bool attributes) {
  Filesystem& filesystem = FilesystemOf(request);
  const Ino directory = ToIno(ino);
  Page page(request, std::min<size_t>(size, 1 << 20), attributes);
  Reply reply(request);
  const auto after = static_cast<Cookie>(offset);
  if (after == 0 && filesystem.options.atime) {
    if (const auto inode = filesystem.Attributes(directory)) filesystem.NoteAccess(*inode);
  }
  AddDots(filesystem, directory, after, page);
  ReadDirRequest read;
  read.directory = directory;
  read.after = after <= kAfterDotDot ? 0 : after;
  read.limit = LimitFor(page, size);
  read.attributes = attributes;
  const auto listing = ReadDir(filesystem.context, read);
  if (!listing) {
    reply.Fail(listing.error());
    return;
  }
  const std::vector<Ino> given = AddEntries(filesystem, listing->entries, page);
  if (page.used() == 0 && !listing->entries.empty()) {
    // Not one run of equal cookies fits: names so long and hashes so equal do not happen by chance.
    reply.Errno(EOVERFLOW);
    return;
  }
  if (reply.Bytes(page.content())) return;
  for (const Ino each : given) filesystem.TakeEntryBack(each);
}

void HandleReaddir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                   fuse_file_info* /*file*/) {
  AnswerListing(request, ino, size, offset, /*attributes=*/false);
}

void HandleReaddirplus(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                       fuse_file_info* /*file*/) {
  AnswerListing(request, ino, size, offset, /*attributes=*/true);
}

void HandleOpendir(fuse_req_t request, fuse_ino_t /*ino*/, fuse_file_info* file) {
  Reply reply(request);
  if (!FilesystemOf(request).options.shared) {
    reply.Errno(ENOSYS);
    return;
  }
  // Others change directories too: no listing is kept.
  file->keep_cache = 0;
  file->cache_readdir = 0;
  reply.Open(*file);
}

void HandleReleasedir(fuse_req_t request, fuse_ino_t /*ino*/, fuse_file_info* /*file*/) {
  Reply reply(request);
  reply.Ok();
}

void HandleFsyncdir(fuse_req_t request, fuse_ino_t /*ino*/, int /*datasync*/,
                    fuse_file_info* /*file*/) {
  Reply reply(request);
  reply.Errno(ENOSYS);
}

}  // namespace

void AddDirectoryHandlers(fuse_lowlevel_ops& handlers) {
  handlers.opendir = HandleOpendir;
  handlers.releasedir = HandleReleasedir;
  handlers.readdir = HandleReaddir;
  handlers.readdirplus = HandleReaddirplus;
  handlers.fsyncdir = HandleFsyncdir;
}

}  // namespace metaring::fusefs::mount
