// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/nullfs/fuse_ops.h"

#include <linux/fs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

namespace metaring::nullfs {
namespace {

constexpr uint64_t kInodesMax = uint64_t{1} << 32;  // what statfs says; memory is the real bound
constexpr size_t kNameBytesMax = 255;
constexpr off_t kFileBytesMax = off_t{1} << 30;
constexpr off_t kDotCookie = 1;
constexpr off_t kDotDotCookie = 2;  // an entry's cookie is kDotDotCookie + its slot + 1

Filesystem& FilesystemOf(fuse_req_t req) {
  return *static_cast<Filesystem*>(fuse_req_userdata(req));
}

Inode& InodeOf(fuse_req_t req, fuse_ino_t node) {
  if (node == FUSE_ROOT_ID) return FilesystemOf(req).tree.root();
  return *reinterpret_cast<Inode*>(node);
}

fuse_entry_param EntryOf(const Filesystem& fs, const Found& found) {
  fuse_entry_param entry{};
  entry.ino = reinterpret_cast<fuse_ino_t>(found.inode);
  entry.generation = 0;
  entry.attr = found.attr;
  entry.attr_timeout = fs.options.attr_timeout;
  entry.entry_timeout = fs.options.entry_timeout;
  return entry;
}

void ReplyEntry(fuse_req_t req, const ErrnoOr<Found>& found) {
  if (!found) {
    fuse_reply_err(req, found.error());
    return;
  }
  const fuse_entry_param entry = EntryOf(FilesystemOf(req), *found);
  fuse_reply_entry(req, &entry);
}

NewInode MadeBy(fuse_req_t req, mode_t mode) {
  const fuse_ctx* caller = fuse_req_ctx(req);
  NewInode made;
  made.mode = mode;
  made.uid = caller->uid;
  made.gid = caller->gid;
  return made;
}

ErrnoOr<Found> Make(fuse_req_t req, fuse_ino_t parent, std::string_view name,
                    const NewInode& made) {
  if (name.size() > kNameBytesMax) return tl::unexpected(ENAMETOOLONG);
  return FilesystemOf(req).tree.Make(InodeOf(req, parent), name, made);
}

void Init(void* userdata, fuse_conn_info* connection) {
  auto& fs = *static_cast<Filesystem*>(userdata);
  // Nobody else writes: a changed mtime is no reason to drop pages.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
  fuse_apply_conn_info_opts(fs.connection, connection);
}

// --- names
// -----------------------------------------------------------------------------------------

void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Filesystem& fs = FilesystemOf(req);
  const Found found = fs.tree.Lookup(InodeOf(req, parent), name);
  if (found.inode != nullptr) {
    const fuse_entry_param entry = EntryOf(fs, found);
    fuse_reply_entry(req, &entry);
  } else if (fs.options.negative_timeout > 0) {
    fuse_entry_param entry{};
    entry.entry_timeout = fs.options.negative_timeout;
    fuse_reply_entry(req, &entry);
  } else {
    fuse_reply_err(req, ENOENT);
  }
}

void Forget(fuse_req_t req, fuse_ino_t node, uint64_t count) {
  FilesystemOf(req).tree.Forget(InodeOf(req, node), count);
  fuse_reply_none(req);
}

void ForgetMulti(fuse_req_t req, size_t count, fuse_forget_data* forgets) {
  for (size_t i = 0; i < count; ++i) {
    FilesystemOf(req).tree.Forget(InodeOf(req, forgets[i].ino), forgets[i].nlookup);
  }
  fuse_reply_none(req);
}

void Mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t rdev) {
  NewInode made = MadeBy(req, mode);
  made.rdev = rdev;
  ReplyEntry(req, Make(req, parent, name, made));
}

void Mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  ReplyEntry(req, Make(req, parent, name, MadeBy(req, (mode & ~S_IFMT) | S_IFDIR)));
}

void Symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) {
  NewInode made = MadeBy(req, S_IFLNK | 0777);
  made.symlink_target = target;
  ReplyEntry(req, Make(req, parent, name, made));
}

void Create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* file) {
  const auto made = Make(req, parent, name, MadeBy(req, (mode & ~S_IFMT) | S_IFREG));
  if (!made) {
    fuse_reply_err(req, made.error());
    return;
  }
  file->keep_cache = 1;
  const fuse_entry_param entry = EntryOf(FilesystemOf(req), *made);
  fuse_reply_create(req, &entry, file);
}

void Link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char* name) {
  ReplyEntry(req, FilesystemOf(req).tree.Link(InodeOf(req, node), InodeOf(req, parent), name));
}

void Unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  fuse_reply_err(req, FilesystemOf(req).tree.Unlink(InodeOf(req, parent), name));
}

void Rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  fuse_reply_err(req, FilesystemOf(req).tree.Rmdir(InodeOf(req, parent), name));
}

void Rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  fuse_reply_err(req,
                 FilesystemOf(req).tree.Rename(InodeOf(req, parent), name, InodeOf(req, new_parent),
                                               new_name, (flags & RENAME_NOREPLACE) != 0));
}

void Readlink(fuse_req_t req, fuse_ino_t node) {
  Inode& inode = InodeOf(req, node);
  Bytes target;
  {
    const MutexLock lock(inode.mutex);
    target = inode.content;
  }
  fuse_reply_readlink(req, target.c_str());
}

// --- attributes
// ------------------------------------------------------------------------------------

struct stat AttributesOf(Inode& inode) {
  const MutexLock lock(inode.mutex);
  return inode.attr;
}

void GetAttr(fuse_req_t req, fuse_ino_t node, fuse_file_info*) {
  const struct stat attr = AttributesOf(InodeOf(req, node));
  fuse_reply_attr(req, &attr, FilesystemOf(req).options.attr_timeout);
}

void Resize(Inode& inode, off_t size) REQUIRES(inode.mutex) {
  inode.content.resize(static_cast<size_t>(size));
  inode.attr.st_size = size;
  inode.attr.st_blocks = (size + 511) / 512;
  inode.attr.st_mtim = CoarseNow();
}

void Change(Inode& inode, const struct stat& to, int which) REQUIRES(inode.mutex) {
  struct stat& attr = inode.attr;
  const timespec now = CoarseNow();
  if ((which & FUSE_SET_ATTR_MODE) != 0) attr.st_mode = inode.type | (to.st_mode & 07777);
  if ((which & FUSE_SET_ATTR_UID) != 0) attr.st_uid = to.st_uid;
  if ((which & FUSE_SET_ATTR_GID) != 0) attr.st_gid = to.st_gid;
  if ((which & FUSE_SET_ATTR_SIZE) != 0) Resize(inode, to.st_size);
  if ((which & FUSE_SET_ATTR_ATIME) != 0) attr.st_atim = to.st_atim;
  if ((which & FUSE_SET_ATTR_MTIME) != 0) attr.st_mtim = to.st_mtim;
  if ((which & FUSE_SET_ATTR_ATIME_NOW) != 0) attr.st_atim = now;
  if ((which & FUSE_SET_ATTR_MTIME_NOW) != 0) attr.st_mtim = now;
  attr.st_ctim = now;
}

void SetAttr(fuse_req_t req, fuse_ino_t node, struct stat* to, int which, fuse_file_info*) {
  if ((which & FUSE_SET_ATTR_SIZE) != 0 && to->st_size > kFileBytesMax) {
    fuse_reply_err(req, EFBIG);
    return;
  }
  Inode& inode = InodeOf(req, node);
  struct stat attr {};
  {
    const MutexLock lock(inode.mutex);
    Change(inode, *to, which);
    attr = inode.attr;
  }
  fuse_reply_attr(req, &attr, FilesystemOf(req).options.attr_timeout);
}

int SetXattrOf(Inode& inode, std::string_view name, ByteView value, int flags) {
  const MutexLock lock(inode.mutex);
  if (!inode.xattrs) inode.xattrs = std::make_unique<std::map<std::string, Bytes, std::less<>>>();
  const auto found = inode.xattrs->find(name);
  const bool exists = found != inode.xattrs->end();
  if (exists && (flags & XATTR_CREATE) != 0) return EEXIST;
  if (!exists && (flags & XATTR_REPLACE) != 0) return ENODATA;
  if (exists) {
    found->second = value;
  } else {
    inode.xattrs->emplace(name, value);
  }
  inode.attr.st_ctim = CoarseNow();
  return 0;
}

void SetXattr(fuse_req_t req, fuse_ino_t node, const char* name, const char* value, size_t size,
              int flags) {
  fuse_reply_err(req, SetXattrOf(InodeOf(req, node), name, {value, size}, flags));
}

// A value or a list, by the rule of getxattr(2): size 0 asks how much there is.
void ReplyXattr(fuse_req_t req, const Bytes& data, size_t size) {
  if (size == 0) {
    fuse_reply_xattr(req, data.size());
  } else if (data.size() > size) {
    fuse_reply_err(req, ERANGE);
  } else {
    fuse_reply_buf(req, data.data(), data.size());
  }
}

ErrnoOr<Bytes> XattrOf(Inode& inode, std::string_view name) {
  const MutexLock lock(inode.mutex);
  if (!inode.xattrs) return tl::unexpected(ENODATA);
  const auto found = inode.xattrs->find(name);
  if (found == inode.xattrs->end()) return tl::unexpected(ENODATA);
  return found->second;
}

void GetXattr(fuse_req_t req, fuse_ino_t node, const char* name, size_t size) {
  const auto value = XattrOf(InodeOf(req, node), name);
  if (value) {
    ReplyXattr(req, *value, size);
  } else {
    fuse_reply_err(req, value.error());
  }
}

void ListXattr(fuse_req_t req, fuse_ino_t node, size_t size) {
  Inode& inode = InodeOf(req, node);
  Bytes names;
  {
    const MutexLock lock(inode.mutex);
    if (inode.xattrs) {
      for (const auto& [name, value] : *inode.xattrs) names.append(name).push_back('\0');
    }
  }
  ReplyXattr(req, names, size);
}

int RemoveXattrOf(Inode& inode, std::string_view name) {
  const MutexLock lock(inode.mutex);
  if (!inode.xattrs) return ENODATA;
  const auto found = inode.xattrs->find(name);
  if (found == inode.xattrs->end()) return ENODATA;
  inode.xattrs->erase(found);
  inode.attr.st_ctim = CoarseNow();
  return 0;
}

void RemoveXattr(fuse_req_t req, fuse_ino_t node, const char* name) {
  fuse_reply_err(req, RemoveXattrOf(InodeOf(req, node), name));
}

// --- content
// ---------------------------------------------------------------------------------------

void Open(fuse_req_t req, fuse_ino_t, fuse_file_info* file) {
  file->keep_cache = 1;
  fuse_reply_open(req, file);
}

void Read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, fuse_file_info*) {
  Inode& inode = InodeOf(req, node);
  Bytes data;
  {
    const MutexLock lock(inode.mutex);
    const auto from = std::min(static_cast<size_t>(offset), inode.content.size());
    data = inode.content.substr(from, size);
  }
  fuse_reply_buf(req, data.data(), data.size());
}

void Write(fuse_req_t req, fuse_ino_t node, const char* data, size_t size, off_t offset,
           fuse_file_info*) {
  const auto end = offset + static_cast<off_t>(size);
  if (end > kFileBytesMax) {
    fuse_reply_err(req, EFBIG);
    return;
  }
  Inode& inode = InodeOf(req, node);
  {
    const MutexLock lock(inode.mutex);
    if (end > inode.attr.st_size) Resize(inode, end);
    std::memcpy(inode.content.data() + offset, data, size);
    inode.attr.st_mtim = inode.attr.st_ctim = CoarseNow();
  }
  fuse_reply_write(req, size);
}

void Flush(fuse_req_t req, fuse_ino_t, fuse_file_info*) {
  fuse_reply_err(req, 0);
}

// Nothing is durable here; the request is answered all the same, so that its way is measured.
void Fsync(fuse_req_t req, fuse_ino_t, int, fuse_file_info*) {
  fuse_reply_err(req, 0);
}

// --- directories
// -------------------------------------------------------------------------------------

// Fills one reply of READDIR or READDIRPLUS.
class ListReply {
 public:
  ListReply(fuse_req_t req, size_t size, bool plus)
      : req_(req), plus_(plus), size_(size), buffer_(new char[size]) {}

  bool Add(const char* name, const fuse_entry_param& entry, off_t cookie) {
    char* at = buffer_.get() + used_;
    const size_t rest = size_ - used_;
    const size_t taken = plus_ ? fuse_add_direntry_plus(req_, at, rest, name, &entry, cookie)
                               : fuse_add_direntry(req_, at, rest, name, &entry.attr, cookie);
    if (taken > rest) return false;
    used_ += taken;
    return true;
  }
  void Send() { fuse_reply_buf(req_, buffer_.get(), used_); }

 private:
  fuse_req_t req_;
  const bool plus_;
  const size_t size_;
  const std::unique_ptr<char[]> buffer_;
  size_t used_ = 0;
};

// "." and ".." take no reference, also in READDIRPLUS: their node id stays 0. The kernel looks ".."
// up by itself; its number in the listing is that of the directory.
bool AddDots(ListReply& reply, const Inode& directory, off_t after) {
  fuse_entry_param entry{};
  entry.attr.st_ino = directory.ino;
  entry.attr.st_mode = S_IFDIR;
  if (after < kDotCookie && !reply.Add(".", entry, kDotCookie)) return false;
  return after >= kDotDotCookie || reply.Add("..", entry, kDotDotCookie);
}

void List(fuse_req_t req, fuse_ino_t node, size_t size, off_t after, bool plus) {
  Filesystem& fs = FilesystemOf(req);
  Inode& directory = InodeOf(req, node);
  ListReply reply(req, size, plus);
  if (!AddDots(reply, directory, after)) {
    reply.Send();
    return;
  }
  const auto visit = [&](const std::string& name, const Found& found, size_t next) {
    const off_t cookie = kDotDotCookie + static_cast<off_t>(next);
    if (plus) return reply.Add(name.c_str(), EntryOf(fs, found), cookie);
    fuse_entry_param entry{};
    entry.attr.st_ino = found.inode->ino;
    entry.attr.st_mode = found.inode->type;
    return reply.Add(name.c_str(), entry, cookie);
  };
  const off_t from = std::max<off_t>(after - kDotDotCookie, 0);
  fs.tree.List(directory, static_cast<size_t>(from), plus, visit);
  reply.Send();
}

void ReadDir(fuse_req_t req, fuse_ino_t node, size_t size, off_t after, fuse_file_info*) {
  List(req, node, size, after, false);
}

void ReadDirPlus(fuse_req_t req, fuse_ino_t node, size_t size, off_t after, fuse_file_info*) {
  List(req, node, size, after, true);
}

void StatFs(fuse_req_t req, fuse_ino_t) {
  struct statvfs st {};
  st.f_bsize = st.f_frsize = 4096;
  st.f_files = kInodesMax;
  st.f_ffree = st.f_favail = kInodesMax - FilesystemOf(req).tree.inodes();
  st.f_namemax = kNameBytesMax;
  fuse_reply_statfs(req, &st);
}

}  // namespace

fuse_lowlevel_ops Operations(const Options& options) {
  fuse_lowlevel_ops ops{};
  ops.init = Init;
  ops.lookup = Lookup;
  ops.forget = Forget;
  ops.forget_multi = ForgetMulti;
  ops.mknod = Mknod;
  ops.mkdir = Mkdir;
  ops.symlink = Symlink;
  ops.create = Create;
  ops.link = Link;
  ops.unlink = Unlink;
  ops.rmdir = Rmdir;
  ops.rename = Rename;
  ops.readlink = Readlink;
  ops.getattr = GetAttr;
  ops.setattr = SetAttr;
  ops.setxattr = SetXattr;
  ops.getxattr = GetXattr;
  ops.listxattr = ListXattr;
  ops.removexattr = RemoveXattr;
  ops.open = Open;
  ops.read = Read;
  ops.write = Write;
  ops.fsync = Fsync;
  ops.fsyncdir = Fsync;
  ops.readdir = ReadDir;
  ops.readdirplus = ReadDirPlus;
  ops.statfs = StatFs;
  if (options.flush != 0) ops.flush = Flush;
  return ops;
}

}  // namespace metaring::nullfs
