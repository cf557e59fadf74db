// SPDX-License-Identifier: Apache-2.0
//
// lookup, forget, statfs.
#include <sys/statvfs.h>

#include <algorithm>
#include <string_view>

#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

constexpr uint64_t kFragmentBytes = 4096;

// "." and ".." are asked for by numbers alone when the mount is exported by NFS.
Result<Node> LookupName(Filesystem& filesystem, Ino parent, std::string_view name) {
  if (name == ".") return filesystem.Stored(parent);
  if (name == "..") return LookupParent(filesystem.context, parent);
  return Lookup(filesystem.context, parent, name);
}

void HandleLookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const Result<Node> node = LookupName(filesystem, ToIno(parent), name);
  const double negative_timeout = filesystem.options.negative_timeout_seconds;
  if (!node && node.error().code == ErrorCode::kNotFound && negative_timeout > 0) {
    fuse_entry_param missing{};
    missing.entry_timeout = negative_timeout;
    reply.Entry(missing);
    return;
  }
  AnswerEntry(filesystem, reply, node);
}

void HandleForget(fuse_req_t request, fuse_ino_t ino, uint64_t count) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  filesystem.inodes.Forget(ToIno(ino), count);
  reply.None();
}

void HandleForgetMulti(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  for (size_t i = 0; i < count; ++i) {
    filesystem.inodes.Forget(ToIno(forgets[i].ino), forgets[i].nlookup);
  }
  reply.None();
}

// Sizes of statvfs(3): a limit of the volume where there is one, else what the disk below has left.
// The free numbers never go below zero, whatever is counted as used.
struct statvfs Statistics(const VolumeUsage& usage, const VolumeOptions& volume,
                          const struct statvfs& disk) {
  constexpr uint64_t kBytesPerEmptyFile = 700;
  const uint64_t disk_free = uint64_t{disk.f_bavail} * disk.f_frsize;
  uint64_t bytes_free = disk_free;
  if (volume.bytes_max != 0) {
    const uint64_t left = volume.bytes_max - std::min(volume.bytes_max, usage.bytes_used);
    bytes_free = std::min(bytes_free, left);
  }
  uint64_t inodes_free = disk_free / kBytesPerEmptyFile;
  if (volume.inodes_max != 0) {
    const uint64_t left = volume.inodes_max - std::min(volume.inodes_max, usage.inodes_used);
    inodes_free = std::min(inodes_free, left);
  }
  struct statvfs st {};
  st.f_bsize = volume.block_bytes;
  st.f_frsize = kFragmentBytes;
  st.f_blocks = (usage.bytes_used + bytes_free + kFragmentBytes - 1) / kFragmentBytes;
  st.f_bfree = bytes_free / kFragmentBytes;
  st.f_bavail = st.f_bfree;
  st.f_files = usage.inodes_used + inodes_free;
  st.f_ffree = inodes_free;
  st.f_favail = inodes_free;
  st.f_namemax = kNameBytesMax;
  return st;
}

// What a cluster's disks have room for is not asked: a volume without a bound shows this much.
struct statvfs UnknownDisk() {
  struct statvfs disk {};
  disk.f_frsize = kFragmentBytes;
  disk.f_bsize = kFragmentBytes;
  disk.f_bavail = (uint64_t{1} << 50) / kFragmentBytes;
  disk.f_bfree = disk.f_bavail;
  disk.f_blocks = disk.f_bavail;
  return disk;
}

void HandleStatfs(fuse_req_t request, fuse_ino_t /*ino*/) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const Result<VolumeUsage> usage = StatVolume(filesystem.context);
  if (!usage) {
    reply.Fail(usage.error());
    return;
  }
  struct statvfs disk = UnknownDisk();
  const std::string& directory = filesystem.options.store_directory;
  if (!directory.empty() && ::statvfs(directory.c_str(), &disk) != 0) {
    reply.Errno(errno);
    return;
  }
  reply.Statistics(Statistics(*usage, filesystem.context.volume.options, disk));
}

}  // namespace

Caller CallerOf(const Reply& reply) {
  const fuse_ctx& context = reply.caller();
  Caller caller;
  caller.uid = context.uid;
  caller.gid = context.gid;
  caller.umask = context.umask;
  // The kernel has stripped a set-group-ID bit that the caller may not give; what it left is
  // allowed.
  caller.privileged = true;
  return caller;
}

void AnswerEntry(Filesystem& filesystem, Reply& reply, const Result<Node>& node) {
  if (!node) {
    reply.Fail(node.error());
    return;
  }
  const fuse_entry_param entry = filesystem.GiveEntry(*node);
  if (!reply.Entry(entry)) filesystem.TakeEntryBack(node->inode.ino);
}

void AddLookupHandlers(fuse_lowlevel_ops& handlers) {
  handlers.lookup = HandleLookup;
  handlers.forget = HandleForget;
  handlers.forget_multi = HandleForgetMulti;
  handlers.statfs = HandleStatfs;
}

}  // namespace metaring::fusefs::mount
