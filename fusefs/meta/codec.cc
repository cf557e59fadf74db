// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/codec.h"

#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/transport/TTransport.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "records_types.h"
#include "records_types.tcc"

namespace metaring::fusefs {
namespace {

// Of one string and of one container in a record: what kXattrValueBytesMax and kXattrCountMax need,
// with room for a version that allows more.
constexpr int32_t kStringBytesMax = 1 << 20;
constexpr int32_t kContainerMax = 16'384;

// A transport of Thrift over bytes that are there: it reads a view, and writes to a buffer that it
// keeps.
class Memory : public apache::thrift::transport::TTransport {
 public:
  void ReadFrom(ByteView raw) {
    rest_ = raw;
    total_ = raw.size();
  }
  Bytes& written() { return written_; }
  bool AllRead() const { return rest_.empty(); }

  uint32_t readAll(uint8_t* out, uint32_t count) {
    if (count > rest_.size()) Truncated();
    std::memcpy(out, rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }
  const uint8_t* borrow(uint8_t*, const uint32_t* count) {
    if (*count > rest_.size()) return nullptr;
    return reinterpret_cast<const uint8_t*>(rest_.data());
  }
  void consume(uint32_t count) { rest_.remove_prefix(count); }
  void write(const uint8_t* data, uint32_t count) {
    written_.append(reinterpret_cast<const char*>(data), count);
  }
  // Asked before a container and after a string is read, so it is a bound by the whole record.
  void checkReadBytesAvailable(long count) const {
    if (count < 0 || static_cast<size_t>(count) > total_) Truncated();
  }

 private:
  [[noreturn]] static void Truncated() {
    using apache::thrift::transport::TTransportException;
    throw TTransportException(TTransportException::END_OF_FILE);
  }

  ByteView rest_;
  size_t total_ = 0;
  Bytes written_;
};

using Protocol = apache::thrift::protocol::TCompactProtocolT<Memory>;

struct Wire {
  std::shared_ptr<Memory> memory = std::make_shared<Memory>();
  Protocol protocol{memory, kStringBytesMax, kContainerMax};
};

// A protocol costs allocations to make, so that each thread keeps one.
std::unique_ptr<Wire>& ThreadWire() {
  thread_local auto wire = std::make_unique<Wire>();
  return wire;
}

template <typename Record>
Bytes Write(const Record& record) {
  Wire& wire = *ThreadWire();
  wire.memory->written().clear();
  record.write(&wire.protocol);
  return wire.memory->written();
}

tl::unexpected<Error> Corrupt(const char* what) {
  return Fail(ErrorCode::kCorrupt, std::string("a record does not decode: ") + what);
}

template <typename Record>
Status Read(ByteView raw, Record& record) {
  std::unique_ptr<Wire>& wire = ThreadWire();
  wire->memory->ReadFrom(raw);
  try {
    record.read(&wire->protocol);
  } catch (const std::exception&) {
    wire = std::make_unique<Wire>();  // the old one stopped inside of a struct
    return Corrupt("wrong structure");
  }
  if (!wire->memory->AllRead()) return Corrupt("bytes are left over");
  return {};
}

// --- times ---

struct OptionalTime {
  bool set;
  int64_t seconds;
  int32_t nanos;
};

Time TimeOr(OptionalTime stored, Time fallback) {
  return stored.set ? Time{stored.seconds, stored.nanos} : fallback;
}

bool Valid(Time time) {
  return time.nanos >= 0 && time.nanos < 1'000'000'000;
}

// Sets NAME_seconds and NAME_nanos of a generated record.
#define SET_TIME(record, name, time)                                    \
  do {                                                                  \
    (record).__set_##name##_seconds((time).seconds);                    \
    if ((time).nanos != 0) (record).__set_##name##_nanos((time).nanos); \
  } while (false)
#define GET_TIME(record, name)                                                      \
  OptionalTime {                                                                    \
    (record).__isset.name##_seconds, (record).name##_seconds, (record).name##_nanos \
  }

template <typename Record>
void SetTimes(Record& record, Time ctime, Time mtime, Time atime) {
  if (ctime != Time{}) SET_TIME(record, ctime, ctime);
  if (mtime != ctime) SET_TIME(record, mtime, mtime);
  if (atime != mtime) SET_TIME(record, atime, atime);
}

template <typename Record, typename Value>
bool GetTimes(const Record& record, Value& value) {
  value.ctime = TimeOr(GET_TIME(record, ctime), Time{});
  value.mtime = TimeOr(GET_TIME(record, mtime), value.ctime);
  value.atime = TimeOr(GET_TIME(record, atime), value.mtime);
  return Valid(value.ctime) && Valid(value.mtime) && Valid(value.atime);
}

// --- inodes ---

bool IsFileType(uint32_t type) {
  switch (type) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return true;
    default:
      return false;
  }
}

bool IsMode(int32_t mode) {
  const auto bits = static_cast<uint32_t>(mode);
  return (bits & ~uint32_t{S_IFMT | 07777}) == 0 && IsFileType(bits & S_IFMT);
}

records::InodeRecord ToRecord(const Inode& inode) {
  records::InodeRecord record;
  record.__set_ino(static_cast<int64_t>(inode.ino.value()));
  record.__set_mode(static_cast<int32_t>(inode.mode));
  if (inode.uid != 0) record.__set_uid(static_cast<int32_t>(inode.uid));
  if (inode.gid != 0) record.__set_gid(static_cast<int32_t>(inode.gid));
  if (inode.nlink != 1) record.__set_nlink(static_cast<int32_t>(inode.nlink));
  if (inode.rdev != 0) record.__set_rdev(static_cast<int64_t>(inode.rdev));
  if (inode.size != 0) record.__set_size(inode.size);
  if (inode.bytes_allocated != 0) record.__set_bytes_allocated(inode.bytes_allocated);
  SetTimes(record, inode.ctime, inode.mtime, inode.atime);
  if (inode.generation != 0) record.__set_generation(static_cast<int64_t>(inode.generation));
  if (!inode.small_content) record.__set_in_blocks(true);
  if (inode.preallocated_blocks_end != 0) {
    record.__set_preallocated_blocks_end(static_cast<int64_t>(inode.preallocated_blocks_end));
  }
  if (!inode.symlink_target.empty()) record.__set_symlink_target(inode.symlink_target);
  if (!inode.xattrs.empty()) record.__set_xattrs(inode.xattrs);
  if (inode.has_large_xattrs) record.__set_has_large_xattrs(true);
  return record;
}

template <typename Xattrs>
bool AreXattrs(const Xattrs& xattrs) {
  return std::all_of(xattrs.begin(), xattrs.end(), [](const auto& xattr) {
    const std::string& name = xattr.first;
    return !name.empty() && name.size() <= kXattrNameBytesMax && name.find('\0') == name.npos;
  });
}

// A symbolic link has a target that can be one; of anything else it is of no consequence.
bool IsTarget(uint32_t mode, const std::string& target) {
  if (target.size() > kSymlinkBytesMax) return false;
  if ((mode & S_IFMT) != S_IFLNK) return true;
  return !target.empty() && target.find('\0') == target.npos;
}

// A number that something in a directory can have: the root is in none.
bool IsInoOfEntry(int64_t ino) {
  return ino > static_cast<int64_t>(kRootIno.value());
}

bool IsSane(const records::InodeRecord& record) {
  return IsInoOfEntry(record.ino) && IsMode(record.mode) &&
         (static_cast<uint32_t>(record.mode) & S_IFMT) != S_IFDIR &&
         (!record.__isset.nlink || (record.nlink >= 0 && record.nlink <= int32_t{kLinksMax})) &&
         record.size >= 0 && record.size <= kFileBytesMax && record.bytes_allocated >= 0 &&
         record.bytes_allocated <= 2 * kFileBytesMax && AreXattrs(record.xattrs) &&
         record.preallocated_blocks_end >= 0 &&
         record.preallocated_blocks_end <= kFileBytesMax / kBlockBytesMin &&
         IsTarget(static_cast<uint32_t>(record.mode), record.symlink_target);
}

Result<Inode> FromRecord(records::InodeRecord& record) {
  if (!IsSane(record)) return Corrupt("an inode's field is out of its range");
  Inode inode;
  inode.ino = Ino{static_cast<uint64_t>(record.ino)};
  inode.mode = static_cast<uint32_t>(record.mode);
  inode.uid = static_cast<uint32_t>(record.uid);
  inode.gid = static_cast<uint32_t>(record.gid);
  inode.nlink = record.__isset.nlink ? static_cast<uint32_t>(record.nlink) : 1;
  inode.rdev = static_cast<uint64_t>(record.rdev);
  inode.size = record.size;
  inode.bytes_allocated = record.bytes_allocated;
  if (!GetTimes(record, inode)) return Corrupt("an inode's time is out of its range");
  inode.generation = static_cast<uint64_t>(record.generation);
  inode.small_content = !record.in_blocks;
  inode.preallocated_blocks_end = static_cast<uint64_t>(record.preallocated_blocks_end);
  inode.symlink_target = std::move(record.symlink_target);
  inode.xattrs = std::move(record.xattrs);
  inode.has_large_xattrs = record.has_large_xattrs;
  return inode;
}

bool IsVolumeOptions(const VolumeOptions& options) {
  return std::has_single_bit(options.block_bytes) && options.block_bytes >= kBlockBytesMin &&
         options.block_bytes <= kBlockBytesMax &&
         options.small_bytes_max <= std::min(options.block_bytes, kSmallBytesLimit);
}

}  // namespace

Bytes EncodeInode(const Inode& inode) {
  return Write(ToRecord(inode));
}

Result<Inode> DecodeInode(ByteView raw) {
  records::InodeRecord record;
  RETURN_IF_ERROR(Read(raw, record));
  return FromRecord(record);
}

Bytes EncodeEntry(const Inode& inode) {
  records::EntryRecord record;
  record.inode = ToRecord(inode);
  record.__isset.inode = true;
  return Write(record);
}

Bytes EncodeReference(Ino ino, uint32_t type) {
  records::EntryRecord record;
  record.__set_ref_ino(static_cast<int64_t>(ino.value()));
  record.__set_ref_type(static_cast<int32_t>(type >> 12));
  return Write(record);
}

Result<EntryRecord> DecodeEntry(ByteView raw) {
  records::EntryRecord record;
  RETURN_IF_ERROR(Read(raw, record));
  EntryRecord entry;
  if (record.__isset.inode) {
    ASSIGN_OR_RETURN(entry.inode, FromRecord(record.inode));
    entry.ino = entry.inode->ino;
    entry.type = entry.inode->mode & S_IFMT;
    return entry;
  }
  if (!IsInoOfEntry(record.ref_ino) || record.ref_type < 0 || record.ref_type > 15) {
    return Corrupt("an entry without an inode");
  }
  entry.ino = Ino{static_cast<uint64_t>(record.ref_ino)};
  entry.type = static_cast<uint32_t>(record.ref_type) << 12;
  if (!IsFileType(entry.type)) return Corrupt("an entry of no known type");
  return entry;
}

Bytes EncodeDirectory(const DirectoryHeader& header) {
  records::DirectoryRecord record;
  record.__set_parent(static_cast<int64_t>(header.parent.value()));
  if (!header.name.empty()) record.__set_name(header.name);
  record.__set_mode(static_cast<int32_t>(header.mode));
  if (header.uid != 0) record.__set_uid(static_cast<int32_t>(header.uid));
  if (header.gid != 0) record.__set_gid(static_cast<int32_t>(header.gid));
  SetTimes(record, header.ctime, header.mtime, header.atime);
  if (header.mtime_set_at != kNever) record.__set_mtime_set_at(header.mtime_set_at);
  if (header.atime_set_at != kNever) record.__set_atime_set_at(header.atime_set_at);
  if (!header.xattrs.empty()) record.__set_xattrs(header.xattrs);
  if (header.has_large_xattrs) record.__set_has_large_xattrs(true);
  return Write(record);
}

Result<DirectoryHeader> DecodeDirectory(ByteView raw) {
  records::DirectoryRecord record;
  RETURN_IF_ERROR(Read(raw, record));
  const bool named = record.name.empty() || IsEntryName(record.name);
  if (record.parent <= 0 || !IsMode(record.mode) || !named || !AreXattrs(record.xattrs) ||
      (static_cast<uint32_t>(record.mode) & S_IFMT) != S_IFDIR) {
    return Corrupt("a directory's field is out of its range");
  }
  DirectoryHeader header;
  header.parent = Ino{static_cast<uint64_t>(record.parent)};
  header.name = std::move(record.name);
  header.mode = static_cast<uint32_t>(record.mode);
  header.uid = static_cast<uint32_t>(record.uid);
  header.gid = static_cast<uint32_t>(record.gid);
  if (!GetTimes(record, header)) return Corrupt("a directory's time is out of its range");
  if (record.__isset.mtime_set_at) header.mtime_set_at = record.mtime_set_at;
  if (record.__isset.atime_set_at) header.atime_set_at = record.atime_set_at;
  header.xattrs = std::move(record.xattrs);
  header.has_large_xattrs = record.has_large_xattrs;
  return header;
}

Bytes EncodeVolume(const Volume& volume) {
  records::VolumeRecord record;
  record.__set_id(volume.id);
  record.__set_hash_seed(static_cast<int64_t>(volume.hash_seed));
  record.__set_block_bytes(static_cast<int32_t>(volume.options.block_bytes));
  record.__set_small_bytes_max(static_cast<int32_t>(volume.options.small_bytes_max));
  const VolumeOptions& options = volume.options;
  if (options.bytes_max != 0) record.__set_bytes_max(static_cast<int64_t>(options.bytes_max));
  if (options.inodes_max != 0) record.__set_inodes_max(static_cast<int64_t>(options.inodes_max));
  SET_TIME(record, created, volume.created);
  return Write(record);
}

Result<Volume> DecodeVolume(ByteView raw) {
  records::VolumeRecord record;
  RETURN_IF_ERROR(Read(raw, record));
  if (record.features_incompat != 0) {
    return Fail(ErrorCode::kFormatMismatch,
                "the volume has features that this version does not know");
  }
  Volume volume;
  volume.id = std::move(record.id);
  volume.hash_seed = static_cast<uint64_t>(record.hash_seed);
  volume.options.block_bytes = static_cast<uint32_t>(record.block_bytes);
  volume.options.small_bytes_max = static_cast<uint32_t>(record.small_bytes_max);
  volume.options.bytes_max = static_cast<uint64_t>(record.bytes_max);
  volume.options.inodes_max = static_cast<uint64_t>(record.inodes_max);
  volume.created = TimeOr(GET_TIME(record, created), Time{});
  volume.read_only = record.features_ro_compat != 0;
  if (volume.id.empty() || volume.id.size() > 64 || !Valid(volume.created) ||
      !IsVolumeOptions(volume.options)) {
    return Corrupt("a volume's field is out of its range");
  }
  return volume;
}

bool IsEntryName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name != "." && name != ".." &&
         name.find('/') == name.npos && name.find('\0') == name.npos;
}

}  // namespace metaring::fusefs
