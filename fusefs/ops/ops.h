// SPDX-License-Identifier: Apache-2.0
//
// The filesystem's operations: request + Kv -> Result<Reply>. One .cc file for each operation. The
// mount, the command line and libraries that address files by path all call these.
//
// An operation reads what it needs, decides, and ends in at most one transaction that compares what
// it decided by; when it loses against another writer it starts again, kAttemptsMax times at most,
// then kConflict. Errors are those of POSIX by ErrorCode; kCorrupt for a record that does not
// decode. Permission to traverse, read and write is the caller's business (in the mount the
// kernel's, by default_permissions); what only a filesystem can decide is here: inheritance of
// group and ACL, and which bits a change clears.
#ifndef METARING_FUSEFS_OPS_OPS_H_
#define METARING_FUSEFS_OPS_OPS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fusefs/meta/inode.h"
#include "fusefs/meta/volume.h"
#include "kvnode/base/clock.h"
#include "kvnode/client/kv.h"

namespace metaring::fusefs {

inline constexpr int kAttemptsMax = 64;

// Thread-safe by its parts; outlives every call.
struct Context {
  client::Kv& kv;
  const Volume& volume;
  InoAllocator& inos;
  const Clock& clock;
};

// Who asks: owner and group of what is made.
struct Caller {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t umask = 0;
  // May keep the setgid bit of a file whose group it is not in (root, CAP_FSETID), and so on.
  bool privileged = true;
};

// An object as an operation found or left it.
struct Node {
  Inode inode;
  Place place;
  InodeRef ref() const { return {inode.ino, place, inode.IsDirectory()}; }
};

// --- finding -------------------------------------------------------------------------------------

// kNotFound for a missing name, kNameTooLong, kInvalidArgument for "", a slash or a NUL in it.
Result<Node> Lookup(const Context& ctx, Ino parent, std::string_view name);
// kStale when it is not where `ref` says (any more).
Result<Node> GetAttr(const Context& ctx, const InodeRef& ref);
// The parent directory of a directory (the root is its own parent).
Result<Node> LookupParent(const Context& ctx, Ino directory);

// A path from the root of the volume, whether it begins with a slash or not. Symbolic links on the
// way are followed inside the volume; `follow` says whether the last name's is. For programs that
// address files by path: permissions are not looked at. kNotFound, kNotDirectory, kNameTooLong,
// kTooManyLinks (symbolic links).
inline constexpr size_t kPathBytesMax = 4095;
enum class Follow { kAll, kNotLast };
Result<Node> Walk(const Context& ctx, std::string_view path, Follow follow);
// The directory that a path's last name is in, and that name. kInvalidArgument for a path without
// one ("/", "a/..").
struct ParentAndName {
  Ino parent;
  std::string name;
};
Result<ParentAndName> WalkToParent(const Context& ctx, std::string_view path);

// --- making and removing
// ---------------------------------------------------------------------------

struct MakeRequest {
  Ino parent;
  std::string name;
  uint32_t mode = 0;  // with type; umask not yet applied (a default ACL takes its place)
  uint64_t rdev = 0;
  std::string symlink_target;  // with S_IFLNK
  Caller caller;
};
// Files of every type, symlinks and directories: open(O_CREAT|O_EXCL), mknod, symlink, mkdir.
// kExists, kNotFound (the parent is gone), kTooManyLinks (subdirectories), kNoSpace.
Result<Node> Make(const Context& ctx, const MakeRequest& request);

struct LinkRequest {
  InodeRef target;
  Ino new_parent;
  std::string new_name;
};
// A further name. The target's record moves to a place of its own with its second link.
// kNotPermitted for directories, kExists, kTooManyLinks.
Result<Node> Link(const Context& ctx, const LinkRequest& request);

// What became of an object that lost a name.
struct Removed {
  Inode inode;            // after the operation; nlink 0: the last name is gone
  Place place;            // where its record is now; meaningless when it is `erased`
  bool erased = false;    // record and content are gone, or are in the reclaim queue
  bool orphaned = false;  // no name, but kept under its own place until ReclaimOrphan
};

// Tells an operation that removes names whether to keep a removed object, because it is open.
enum class IfLast { kErase, kOrphan };

struct UnlinkRequest {
  Ino parent;
  std::string name;
  IfLast if_last = IfLast::kErase;
  // When set, the name must still mean this object (else kStale): `if_last` was decided for it.
  std::optional<Ino> expected;
};
// kIsDirectory, kNotFound.
Result<Removed> Unlink(const Context& ctx, const UnlinkRequest& request);

// kNotEmpty, kNotDirectory, kNotFound.
Result<Removed> Rmdir(const Context& ctx, Ino parent, std::string_view name);

struct RenameRequest {
  Ino old_parent;
  std::string old_name;
  Ino new_parent;
  std::string new_name;
  bool no_replace = false;          // RENAME_NOREPLACE: kExists instead of replacing
  bool exchange = false;            // RENAME_EXCHANGE: both must exist; not with no_replace
  IfLast if_last = IfLast::kErase;  // for a replaced file
  std::optional<Ino> expected_target;
};
struct Renamed {
  Node moved;                       // with its new place
  std::optional<Node> exchanged;    // with its new place
  std::optional<Removed> replaced;  // what had the new name
};
// kInvalidArgument for a directory into itself or below, kNotEmpty, kIsDirectory, kNotDirectory.
// Two names of one inode: nothing is done (POSIX), `moved` is the object at its old place.
Result<Renamed> Rename(const Context& ctx, const RenameRequest& request);

// --- attributes ----------------------------------------------------------------------------------

struct SetAttrRequest {
  InodeRef ref;
  std::optional<uint32_t> mode;  // permission bits; the type is kept
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<Time> atime;
  std::optional<Time> mtime;
  std::optional<Time> ctime;  // else now
  // Truncation, up or down. kIsDirectory; kInvalidArgument for what has no content; kFileTooBig.
  std::optional<int64_t> size;
  bool clear_suid_sgid = false;  // what a write, truncate or chown by an unprivileged caller clears
  Caller caller;
};
Result<Node> SetAttr(const Context& ctx, const SetAttrRequest& request);

// That an object was read.
struct Accessed {
  InodeRef ref;
  Time when;
};
// Raises access times where relatime (mount(8)) wants it, many in one transaction. What is gone, or
// changes meanwhile, stays as it is: an access time is not worth a second attempt.
Status StoreAtimes(const Context& ctx, std::span<const Accessed> accessed);

struct SetXattrRequest {
  InodeRef ref;
  std::string name;  // with its namespace; system.posix_acl_access and _default are checked and
                     // kept in step with the mode
  Bytes value;
  bool create = false;      // XATTR_CREATE: kExists when it is there
  bool replace = false;     // XATTR_REPLACE: kNoData when it is not
  bool clear_sgid = false;  // with an access ACL: the kernel found the caller outside the group
};
// kTooBig for the value, kOutOfRange for the name, kNoSpace over kXattrTotalBytesMax or the list's
// limit, kUnsupported for a namespace that is not user, trusted, security or the two ACLs.
Result<Node> SetXattr(const Context& ctx, const SetXattrRequest& request);
Result<Bytes> GetXattr(const Context& ctx, const InodeRef& ref, std::string_view name);  // kNoData
Result<std::vector<std::string>> ListXattr(const Context& ctx, const InodeRef& ref);
Result<Node> RemoveXattr(const Context& ctx, const InodeRef& ref,
                         std::string_view name);  // kNoData

// --- directories
// -----------------------------------------------------------------------------------

// A position in a directory: 0 is the start; else 63 bits of the last name's hash. It stays good
// while other names come and go. "." and ".." are the mount's (cookies 1 and 2).
using Cookie = uint64_t;
inline constexpr Cookie kFirstEntryCookie = 3;  // no entry has a smaller one

struct DirectoryEntry {
  std::string name;
  Cookie cookie =
      0;  // of this entry; entries of equal hash share one and are never split over pages
  Ino ino;
  uint32_t type = 0;         // S_IFMT bits
  std::optional<Node> node;  // with attributes
};
struct ReadDirRequest {
  Ino directory;
  Cookie after = 0;
  size_t limit = 128;       // entries; a page may have more when hashes are equal
  bool attributes = false;  // fill in `node`: one scan, plus one batch for subdirectories and links
};
struct ReadDirReply {
  std::vector<DirectoryEntry> entries;  // in the order of their cookies
  bool end = false;                     // nothing follows
};
Result<ReadDirReply> ReadDir(const Context& ctx, const ReadDirRequest& request);

// --- content
// ---------------------------------------------------------------------------------------

// One block of a file, whole: bytes past the end of the file are not stored. Block n holds the
// bytes [n * block_bytes, (n+1) * block_bytes).
struct Block {
  uint64_t index = 0;
  Bytes data;  // at most block_bytes; shorter: the rest reads as zeros
};

// The blocks of [first, first + count), those that exist; a missing one is a hole. `inode` as last
// read: it says where the content is. kStale when the record moved meanwhile.
Result<std::vector<Block>> ReadBlocks(const Context& ctx, const Node& node, uint64_t first,
                                      uint64_t count);

// Changed content and attributes of an open file, brought to the store. Blocks leave in
// transactions of at most kTransactionBytesMax, each with a size that covers its blocks, so that no
// crash leaves blocks past the end of the file; attributes leave with the last.
struct WriteBackRequest {
  InodeRef ref;
  std::vector<Block> blocks;     // in the order of their indexes
  std::optional<int64_t> size;   // the new size, not below the stored one: shrinking is SetAttr's
  std::optional<uint32_t> mode;  // fchmod
  std::optional<uint32_t> uid;   // fchown
  std::optional<uint32_t> gid;
  std::optional<Time> atime;
  std::optional<Time> mtime;
  std::optional<Time> ctime;
  bool clear_suid_sgid = false;
};
Result<Node> WriteBack(const Context& ctx, const WriteBackRequest& request);

struct FallocateRequest {
  InodeRef ref;
  int64_t offset = 0;
  int64_t length = 0;
  bool keep_size = false;
  bool punch_hole = false;  // with keep_size
  bool zero_range = false;
};
Result<Node> Fallocate(const Context& ctx, const FallocateRequest& request);

// lseek(2) SEEK_DATA and SEEK_HOLE. kNoData stands for ENXIO (offset past the end, no data behind
// it).
enum class Seek { kData, kHole };
Result<int64_t> SeekContent(const Context& ctx, const Node& node, int64_t offset, Seek what);

// --- the volume
// --------------------------------------------------------------------------------------

struct VolumeUsage {
  uint64_t bytes_used = 0;
  uint64_t inodes_used = 0;
};
// Never negative, whatever the counters say.
Result<VolumeUsage> StatVolume(const Context& ctx);

// Erases an orphan, its content and its place in the orphans' range. Nothing when it is not one.
Status ReclaimOrphans(const Context& ctx, const std::vector<Ino>& inos);
// Finishes what a crash or an Unlink left: with `orphans_too` (at mount, when nobody else has the
// volume open) every orphan; and always the queue of content to erase. Works in bounded steps;
// returns how many objects and generations it finished.
Result<uint64_t> SweepVolume(const Context& ctx, bool orphans_too);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_OPS_H_
