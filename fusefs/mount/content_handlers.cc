// SPDX-License-Identifier: Apache-2.0
//
// read, write, lseek, fallocate, copy_file_range.
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>

#include "fusefs/mount/handlers.h"

namespace metaring::fusefs::mount {
namespace {

// One step of copy_file_range, and what one request copies at most; the caller goes on from there.
constexpr size_t kCopyStepBytes = 1 << 20;
constexpr size_t kCopyBytesMax = 64 << 20;

// Of a file that is not open for writing: what the store has is all there is.
Result<Bytes> ReadStored(Filesystem& filesystem, const Node& node, int64_t offset, size_t length) {
  if (offset >= node.inode.size) return Bytes{};
  length = std::min(length, static_cast<size_t>(node.inode.size - offset));
  const uint32_t block_bytes = filesystem.context.volume.options.block_bytes;
  const auto parts = SplitIntoBlocks(offset, length, block_bytes);
  Bytes bytes(length, '\0');
  const uint64_t first = parts.front().index;
  ASSIGN_OR_RETURN(const auto blocks, filesystem.ReadBlocks(node, first, parts.size()));
  for (const Block& block : blocks) {
    if (block.index < first || block.index - first >= parts.size()) continue;
    const BlockPart& part = parts[block.index - first];
    if (block.data.size() <= part.begin) continue;
    const auto at = static_cast<int64_t>(part.index * block_bytes + part.begin) - offset;
    block.data.copy(bytes.data() + at, part.length, part.begin);
  }
  return bytes;
}

Result<Bytes> ReadContent(Filesystem& filesystem, Ino ino, int64_t offset, size_t length,
                          bool note_access) {
  if (const auto file = filesystem.files.Find(ino)) {
    ASSIGN_OR_RETURN(Bytes bytes, file->Read(offset, length));
    if (note_access && filesystem.options.atime) {
      if (const auto inode = filesystem.Attributes(ino)) filesystem.NoteAccess(*inode);
    }
    return bytes;
  }
  ASSIGN_OR_RETURN(const Node node, filesystem.Stored(ino));
  if (note_access) {
    Inode inode = node.inode;
    filesystem.Overlay(inode);
    filesystem.NoteAccess(inode);
  }
  return ReadStored(filesystem, node, offset, length);
}

void HandleRead(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset,
                fuse_file_info* /*file*/) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  if (offset < 0) {
    reply.Errno(EINVAL);
    return;
  }
  const auto bytes = ReadContent(filesystem, ToIno(ino), offset, size, /*note_access=*/true);
  if (bytes) {
    reply.Bytes(*bytes);
  } else {
    reply.Fail(bytes.error());
  }
}

// A writer of the file while it lives: pages of a mapping may be written after the last close, so a
// handler that writes does not rely on a handle.
class Writer {
 public:
  static Result<Writer> Of(Filesystem& filesystem, Ino ino) {
    if (auto file = filesystem.files.Find(ino)) return Writer(filesystem, std::move(file), false);
    ASSIGN_OR_RETURN(const Node node, filesystem.Stored(ino));
    if (!node.inode.IsRegular()) return Fail(ErrorCode::kInvalidArgument, "not a regular file");
    return Writer(filesystem, filesystem.files.Acquire(node), true);
  }
  ~Writer() {
    if (acquired_ && file_) filesystem_->files.Release(file_->ino());
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  Writer(Writer&&) = default;
  Writer& operator=(Writer&&) = default;
  OpenFile& operator*() const { return *file_; }
  OpenFile* operator->() const { return file_.get(); }

 private:
  Writer(Filesystem& filesystem, std::shared_ptr<OpenFile> file, bool acquired)
      : filesystem_(&filesystem), file_(std::move(file)), acquired_(acquired) {}
  Filesystem* filesystem_;
  std::shared_ptr<OpenFile> file_;
  bool acquired_;
};

// Whether it has bits that a write by somebody without the right to keep them takes away.
bool HasSuidSgid(const OpenFile& file) {
  const uint32_t mode = file.Attributes().mode;
  return WithoutSuidSgid(mode) != mode;
}

// The kernel says for WRITE whether the writer may keep these bits, but not for FALLOCATE and
// COPY_FILE_RANGE: there it is the superuser.
bool MayKeepSuidSgid(const Reply& reply) {
  return reply.caller().uid == 0;
}

void HandleWrite(fuse_req_t request, fuse_ino_t ino, const char* data, size_t size, off_t offset,
                 fuse_file_info* /*file*/) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  if (offset < 0) {
    reply.Errno(EINVAL);
    return;
  }
  const auto writer = Writer::Of(filesystem, ToIno(ino));
  if (!writer) {
    reply.Fail(writer.error());
    return;
  }
  const bool clear = CurrentRequestExtras().kill_suidgid;
  const bool loses_bits = clear && HasSuidSgid(**writer);
  const Status status = (*writer)->Write(offset, {data, size}, clear);
  if (!status) {
    reply.Fail(status.error());
    return;
  }
  if (loses_bits) filesystem.invalidator.AttributesChanged(ToIno(ino));
  filesystem.background.Wake();
  reply.Written(size);
}

// --- holes and space
// ---------------------------------------------------------------------------------

Status StorePending(Filesystem& filesystem, Ino ino) {
  const auto file = filesystem.files.Find(ino);
  return file ? file->WriteBack() : Status{};
}

Result<int64_t> SeekIn(Filesystem& filesystem, Ino ino, int64_t offset, Seek what) {
  RETURN_IF_ERROR(StorePending(filesystem, ino));
  return filesystem.WithRef(ino, [&](const InodeRef& ref) -> Result<int64_t> {
    ASSIGN_OR_RETURN(const Node node, GetAttr(filesystem.context, ref));
    return SeekContent(filesystem.context, node, offset, what);
  });
}

void HandleLseek(fuse_req_t request, fuse_ino_t ino, off_t offset, int whence,
                 fuse_file_info* /*file*/) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    reply.Errno(EINVAL);
    return;
  }
  if (offset < 0) {
    reply.Errno(ENXIO);
    return;
  }
  const auto found =
      SeekIn(filesystem, ToIno(ino), offset, whence == SEEK_DATA ? Seek::kData : Seek::kHole);
  if (found) {
    reply.Offset(*found);
  } else if (found.error().code == ErrorCode::kNoData) {
    reply.Errno(ENXIO);
  } else {
    reply.Fail(found.error());
  }
}

// Nothing for a combination that is not honoured: fallocate(2) has EOPNOTSUPP for it.
std::optional<FallocateRequest> FallocateFor(int mode, off_t offset, off_t length) {
  FallocateRequest request;
  request.offset = offset;
  request.length = length;
  switch (mode) {
    case 0:
      return request;
    case FALLOC_FL_KEEP_SIZE:
      request.keep_size = true;
      return request;
    case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
      request.keep_size = true;
      request.punch_hole = true;
      return request;
    case FALLOC_FL_ZERO_RANGE:
      request.zero_range = true;
      return request;
    case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
      request.zero_range = true;
      request.keep_size = true;
      return request;
    default:
      return std::nullopt;
  }
}

void HandleFallocate(fuse_req_t request, fuse_ino_t ino, int mode, off_t offset, off_t length,
                     fuse_file_info* /*file*/) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  auto fallocate = FallocateFor(mode, offset, length);
  if (!fallocate) {
    reply.Errno(EOPNOTSUPP);
    return;
  }
  if (offset < 0 || length <= 0) {
    reply.Errno(EINVAL);
    return;
  }
  if (length > kFileBytesMax - std::min(offset, off_t{kFileBytesMax})) {
    reply.Errno(EFBIG);
    return;
  }
  const auto writer = Writer::Of(filesystem, ToIno(ino));
  if (!writer) {
    reply.Fail(writer.error());
    return;
  }
  const auto node = (*writer)->Alter(/*write_back_first=*/true, {}, [&] {
    return filesystem.WithRef(ToIno(ino), [&](const InodeRef& ref) {
      fallocate->ref = ref;
      return Fallocate(filesystem.context, *fallocate);
    });
  });
  if (!node) {
    reply.Fail(node.error());
    return;
  }
  if (!MayKeepSuidSgid(reply) && HasSuidSgid(**writer)) {
    PendingAttributes change;
    change.clear_suid_sgid = true;
    (*writer)->Change(change);
    filesystem.invalidator.AttributesChanged(ToIno(ino));
  }
  filesystem.background.Wake();
  reply.Ok();
}

// --- copying
// -----------------------------------------------------------------------------------------

// As much as could be copied; an error only when nothing was.
Result<size_t> Copy(Filesystem& filesystem, Ino from, int64_t from_offset, Ino to,
                    int64_t to_offset, size_t length, bool clear_suid_sgid) {
  ASSIGN_OR_RETURN(const Writer writer, Writer::Of(filesystem, to));
  const bool loses_bits = clear_suid_sgid && HasSuidSgid(*writer);
  size_t copied = 0;
  while (copied < length) {
    const auto done = static_cast<int64_t>(copied);
    const size_t step = std::min(length - copied, kCopyStepBytes);
    const auto bytes =
        ReadContent(filesystem, from, from_offset + done, step, /*note_access=*/copied == 0);
    if (!bytes && copied == 0) return Fail(bytes.error());
    if (!bytes || bytes->empty()) break;
    const Status status = writer->Write(to_offset + done, *bytes, clear_suid_sgid);
    if (!status && copied == 0) return Fail(status.error());
    if (!status) break;
    copied += bytes->size();
  }
  if (loses_bits && copied > 0) filesystem.invalidator.AttributesChanged(to);
  filesystem.background.Wake();
  return copied;
}

void HandleCopyFileRange(fuse_req_t request, fuse_ino_t from, off_t from_offset,
                         fuse_file_info* /*from_file*/, fuse_ino_t to, off_t to_offset,
                         fuse_file_info* /*to_file*/, size_t length, int flags) {
  Filesystem& filesystem = FilesystemOf(request);
  Reply reply(request);
  if (flags != 0 || from_offset < 0 || to_offset < 0) {
    reply.Errno(EINVAL);
    return;
  }
  const auto copied = Copy(filesystem, ToIno(from), from_offset, ToIno(to), to_offset,
                           std::min(length, kCopyBytesMax), !MayKeepSuidSgid(reply));
  if (copied) {
    reply.Written(*copied);
  } else {
    reply.Fail(copied.error());
  }
}

}  // namespace

void AddContentHandlers(fuse_lowlevel_ops& handlers) {
  handlers.read = HandleRead;
  handlers.write = HandleWrite;
  handlers.lseek = HandleLseek;
  handlers.fallocate = HandleFallocate;
  handlers.copy_file_range = HandleCopyFileRange;
}

}  // namespace metaring::fusefs::mount
