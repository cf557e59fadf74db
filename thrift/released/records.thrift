// SPDX-License-Identifier: Apache-2.0
//
// The records that a filesystem stores as values: Thrift structs in the compact protocol. Which key
// holds which record is in fusefs/meta/keys.h; version and checksum of a value are the key-value
// layer's.
//
// The rule of evolution (README.md beside this file): a field's id and type never change and an id
// is never used again; every field is optional; a field that has its default is not written, so
// that an empty file's entry stays small; a reader skips fields that it does not know. A change
// that an older reader must not skip gets a feature bit in VolumeRecord.
//
// Times are seconds since 1970-01-01T00:00:00Z (negative: before) and nanoseconds 0 to 999,999,999
// forward of them. Ids of users and groups are unsigned 32-bit numbers in an i32. Sizes are bytes.
namespace cpp metaring.records
namespace py metaring.wire.records

// An inode that is not a directory.
struct InodeRecord {
  1: optional i64 ino
  2: optional i32 mode            // type and permission bits, as st_mode
  3: optional i32 uid             // default 0
  4: optional i32 gid             // default 0
  5: optional i32 nlink           // default 1
  6: optional i64 rdev            // devices; default 0
  7: optional i64 size            // bytes; default 0
  8: optional i64 bytes_allocated // bytes of stored content; default 0
  9: optional i64 ctime_seconds   // default 0
  10: optional i32 ctime_nanos    // default 0
  11: optional i64 mtime_seconds  // default: mtime is ctime
  12: optional i32 mtime_nanos    // default 0; only with mtime_seconds
  13: optional i64 atime_seconds  // default: atime is mtime
  14: optional i32 atime_nanos    // default 0; only with atime_seconds
  15: optional i64 generation     // of the content; default 0
  16: optional bool in_blocks     // default false: content is one value beside the record
  17: optional i64 preallocated_blocks_end // default 0: no block lies past the end of the file
  18: optional binary symlink_target
  19: optional map<string, binary> xattrs  // the small ones, by full name
  20: optional bool has_large_xattrs       // default false
}

// A name in a directory: with the inode in it, or with a reference to a directory or to an inode
// that has a key of its own.
struct EntryRecord {
  1: optional InodeRecord inode
  2: optional i64 ref_ino   // only without `inode`
  3: optional i32 ref_type  // S_IFMT bits over 4096: 4 is a directory
}

// A directory's header. The times of its last entry change and access, and its counts, are
// commutative keys beside it; what is here was set explicitly, and counts until such a key is later
// than *_set_at.
struct DirectoryRecord {
  1: optional i64 parent          // ino; the root's is its own
  2: optional binary name         // in the parent
  3: optional i32 mode            // type and permission bits, as st_mode
  4: optional i32 uid             // default 0
  5: optional i32 gid             // default 0
  6: optional i64 ctime_seconds   // of the last change of the header; default 0
  7: optional i32 ctime_nanos     // default 0
  8: optional i64 mtime_seconds   // default: as ctime
  9: optional i32 mtime_nanos     // default 0; only with mtime_seconds
  10: optional i64 mtime_set_at   // nanoseconds since 1970; default: before any entry change
  11: optional i64 atime_seconds  // default: as mtime
  12: optional i32 atime_nanos    // default 0; only with atime_seconds
  13: optional i64 atime_set_at   // nanoseconds since 1970; default: before any access
  14: optional map<string, binary> xattrs  // the small ones, by full name
  15: optional bool has_large_xattrs       // default false
}

// What was fixed when the keyspace was formatted, and its limits.
struct VolumeRecord {
  1: optional string id            // random, 32 hexadecimal digits
  2: optional i64 hash_seed        // of the hash in entry keys (unsigned)
  3: optional i32 block_bytes
  4: optional i32 small_bytes_max
  5: optional i64 bytes_max        // of content; default 0: no bound
  6: optional i64 inodes_max       // default 0: no bound
  7: optional i64 created_seconds
  8: optional i32 created_nanos    // default 0
  // Bits of features that were used in this volume. Not known by a reader: `compat` is of no
  // consequence, `ro_compat` allows only reading, `incompat` forbids to open.
  9: optional i64 features_compat     // default 0
  10: optional i64 features_ro_compat // default 0
  11: optional i64 features_incompat  // default 0
}
