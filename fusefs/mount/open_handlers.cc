// SPDX-License-Identifier: Apache-2.0
//
// create, open, flush, fsync, release: the life of an open file. The handle number says one thing
// only, whether it may write.
#include <fcntl.h>

#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

constexpr uint64_t kReader = 0;
constexpr uint64_t kWriter = 1;

bool Writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY;
}

void FillHandle(fuse_file_info& file) {
  const bool writes = Writes(file.flags);
  file.fh = writes ? kWriter : kReader;
  // Closing what was only read has nothing to store and need not ask.
  file.noflush = writes ? 0 : 1;
}

// Counts the handle. `node` as the store has it.
void Register(Filesystem& filesystem, const Node& node, const fuse_file_info& file) {
  if (file.fh == kWriter) filesystem.files.Acquire(node);
}

// The end of a handle whose Open was counted.
void Unregister(Filesystem& filesystem, Ino ino, bool writer) {
  if (writer) {
    const auto file = filesystem.files.Find(ino);
    if (file && file->HasPending()) {
      if (filesystem.opens.IsOrphan(ino)) {
        // Somebody may still read it; what nobody can read any more is not worth a log write.
      } else {
        file->WriteBackForLater();
      }
    }
    filesystem.files.Release(ino);
  }
  if (filesystem.opens.Close(ino)) {
    if (const auto file = filesystem.files.Find(ino)) file->Discard();
    filesystem.background.Reclaim(ino);
  }
}

// --- open
// ------------------------------------------------------------------------------------------

// O_TRUNC (FUSE_ATOMIC_O_TRUNC): to nothing, before the handle is given.
Result<Node> TruncateToNothing(Filesystem& filesystem, const Node& node, const Reply& reply) {
  PendingAttributes change;
  change.mtime = filesystem.Now();
  change.ctime = change.mtime;
  change.clear_suid_sgid = CurrentRequestExtras().kill_suidgid;
  const auto file = filesystem.files.Find(node.inode.ino);
  if (file && file->ForgetUnsaved(change)) {
    filesystem.background.Wake();
    return node;
  }
  SetAttrRequest request;
  request.size = 0;
  request.clear_suid_sgid = change.clear_suid_sgid;
  request.caller = CallerOf(reply);
  const auto truncate = [&] {
    return filesystem.WithRef(node.inode.ino, [&](const InodeRef& ref) {
      request.ref = ref;
      return SetAttr(filesystem.context, request);
    });
  };
  if (!file) return truncate();
  change.size = 0;
  return file->Alter(/*write_back_first=*/true, change, truncate);
}

Result<Node> OpenExisting(Filesystem& filesystem, Ino ino, const Reply& reply,
                          fuse_file_info& file) {
  RETURN_IF_ERROR(filesystem.opens.Open(ino));
  Result<Node> node = filesystem.Stored(ino);
  if (node && (file.flags & O_TRUNC) != 0 && Writes(file.flags)) {
    const uint32_t mode = node->inode.mode;
    node = TruncateToNothing(filesystem, *node, reply);
    if (CurrentRequestExtras().kill_suidgid && WithoutSuidSgid(mode) != mode) {
      filesystem.invalidator.AttributesChanged(ino);
    }
    filesystem.background.Sweep();
  }
  if (!node) {
    if (filesystem.opens.Close(ino)) filesystem.background.Reclaim(ino);
    // ESTALE when its name means another file by now: the kernel then looks the name up anew.
    return node;
  }
  FillHandle(file);
  Register(filesystem, *node, file);
  return node;
}

// Whether the kernel may keep the pages that it has of this file. If an access time is due they are
// dropped, once, so that the next read reaches us and is noted.
bool MayKeepCache(const Filesystem& filesystem, const Node& node) {
  if (filesystem.options.shared) return false;
  if (!filesystem.options.atime || filesystem.options.read_only) return true;
  Inode inode = node.inode;
  filesystem.Overlay(inode);
  return !AtimeIsDue(inode, filesystem.Now());
}

void HandleOpen(fuse_req_t request, fuse_ino_t ino, fuse_file_info* file) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const Result<Node> node = OpenExisting(filesystem, ToIno(ino), reply, *file);
  if (!node) {
    reply.Fail(node.error());
    return;
  }
  // What another mount has published by its close is seen from here on.
  if (filesystem.options.shared) filesystem.invalidator.AttributesChanged(ToIno(ino));
  const bool reads = (file->flags & O_ACCMODE) != O_WRONLY;
  file->keep_cache = !reads || MayKeepCache(filesystem, *node) ? 1 : 0;
  if (!reply.Open(*file)) Unregister(filesystem, ToIno(ino), file->fh == kWriter);
}

// The file is open; the entry has not been given yet.
void AnswerCreate(Filesystem& filesystem, const Node& node, Reply& reply, fuse_file_info& file) {
  file.keep_cache = 1;
  const fuse_entry_param entry = filesystem.GiveEntry(node);
  if (reply.Create(entry, file)) return;
  Unregister(filesystem, node.inode.ino, file.fh == kWriter);
  filesystem.TakeEntryBack(node.inode.ino);
}

void AnswerCreateOfExisting(Filesystem& filesystem, const MakeRequest& make, Reply& reply,
                            fuse_file_info& file) {
  const Result<Node> found = Lookup(filesystem.context, make.parent, make.name);
  if (!found) {
    reply.Fail(found.error());
    return;
  }
  // The table must know where it is while it is opened.
  const Ino ino = found->inode.ino;
  filesystem.inodes.Remember(found->ref());
  const Result<Node> node = OpenExisting(filesystem, ino, reply, file);
  if (node) {
    AnswerCreate(filesystem, *node, reply, file);
  } else {
    reply.Fail(node.error());
  }
  filesystem.inodes.Forget(ino, 1);
}

void HandleCreate(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
                  fuse_file_info* file) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  MakeRequest make;
  make.parent = ToIno(parent);
  make.name = name;
  make.mode = S_IFREG | (mode & 07777);
  make.caller = CallerOf(reply);
  Result<Node> node = Make(filesystem.context, make);
  if (node) {
    FillHandle(*file);
    if (const Status opened = filesystem.opens.Open(node->inode.ino); !opened) {
      reply.Fail(opened.error());
      return;
    }
    Register(filesystem, *node, *file);
  } else if (node.error().code == ErrorCode::kExists && (file->flags & O_EXCL) == 0) {
    // Somebody made it after the kernel looked.
    AnswerCreateOfExisting(filesystem, make, reply, *file);
    return;
  }
  if (!node) {
    reply.Fail(node.error());
    return;
  }
  AnswerCreate(filesystem, *node, reply, *file);
}

// --- storing and closing
// ---------------------------------------------------------------------------

// Everything that is pending, and an error of the past that nobody has been told.
Status Store(Filesystem& filesystem, Ino ino) {
  const auto file = filesystem.files.Find(ino);
  // What has no name any more does not outlive a crash, stored or not.
  if (!file || filesystem.opens.IsOrphan(ino)) return {};
  // Who has this error to report leaves the earlier one to the next.
  RETURN_IF_ERROR(file->WriteBack());
  if (std::optional<Error> earlier = file->TakeError()) return Fail(*std::move(earlier));
  return {};
}

void AnswerStatus(Reply& reply, const Status& status) {
  if (status) {
    reply.Ok();
  } else {
    reply.Fail(status.error());
  }
}

void HandleFlush(fuse_req_t request, fuse_ino_t ino, fuse_file_info* file) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  const bool writer = file == nullptr || file->fh == kWriter;
  AnswerStatus(reply, writer ? Store(filesystem, ToIno(ino)) : Status{});
}

void HandleFsync(fuse_req_t request, fuse_ino_t ino, int /*datasync*/, fuse_file_info* /*file*/) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  AnswerStatus(reply, Store(filesystem, ToIno(ino)));
}

void HandleRelease(fuse_req_t request, fuse_ino_t ino, fuse_file_info* file) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  Unregister(filesystem, ToIno(ino), file != nullptr && file->fh == kWriter);
  reply.Ok();
}

}  // namespace

void AddOpenHandlers(fuse_lowlevel_ops& handlers) {
  handlers.create = HandleCreate;
  handlers.open = HandleOpen;
  handlers.flush = HandleFlush;
  handlers.fsync = HandleFsync;
  handlers.release = HandleRelease;
}

}  // namespace metaring::fusefs::mount
