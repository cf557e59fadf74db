// SPDX-License-Identifier: Apache-2.0
//
// The key table: the only place where the keys of a filesystem are spelled and taken apart.
//
// A keyspace of a volume is placed by `parent`: what ends with the same last '/' lies together.
//
//   D, I = ino without leading zeros, h13 = 13 digits of base 32 (bytes.h), G = generation
//   /D/0/e<hash13><name>   an entry, EntryRecord: the inode in it, or a reference
//   /D/0/h                 a directory's header, DirectoryRecord
//   /D/0/ha  hm  hn  hs    its last access and last entry change (kMax, nanoseconds since 1970),
//   its
//                          numbers of entries and of subdirectories (kAdd)
//   /I/0/i                 an inode with a place of its own, InodeRecord
//   /P/0/d<ino13>          small content, raw bytes
//   /P/0/x<ino13><name>    a large xattr; '%' and '/' of the name as %25 and %2f
//                          (P: the parent of the only entry; the inode itself if it has a place of
//                          its own or is a directory)
//   /I/G/b<index13>        a block, raw bytes; none: allocated, reads as zeros
//   /~/0/v                 VolumeRecord
//   /~/0/i                 the next ino to lease, i64
//   /~/0/n  /~/0/s         inodes and bytes in use (kAdd)
//   /~/0/t                 the epoch of directory moves, i64
//   /~/0/o<ino13>          an orphan: no name, kept while open; empty
//   /~/0/r<ino13><gen13>   content to erase in the background; empty
//
// Worked example: the directory 1 with the name "a" of hash 6: "/1/0/e0000000000006a".
//
// The digits are 0-9 and a-v, so '~' never begins an ino. Names hold no '/', so the last '/' of a
// key is always the one that ends its place.
#ifndef METARING_FUSEFS_META_KEYS_H_
#define METARING_FUSEFS_META_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fusefs/meta/inode.h"
#include "kvnode/base/bytes.h"

namespace metaring::fusefs::keys {

// Any key under an ino, taken apart: /I/G/rest. Nothing for the volume's keys and for strangers.
struct Under {
  Ino ino;
  uint64_t generation = 0;  // G; 0 for directories and places
  ByteView rest;            // from the letter on; points into the key that was parsed
};
std::optional<Under> ParseUnder(ByteView key);
// Whether the key is under '~'.
bool IsVolumeKey(ByteView key);
// The ino of `d<ino13>` or `x<ino13>...`, the rest of a key beside a record.
std::optional<Ino> ParseBeside(ByteView rest);

// --- directories ---

// Even, and at least 6: shifted right by one it is a readdir cookie of 63 bits, not 0, 1 or 2.
uint64_t EntryHash(uint64_t seed, std::string_view name);
Bytes Entry(Ino directory, uint64_t hash, std::string_view name);
// All entries of a directory start with it.
Bytes EntryPrefix(Ino directory);
// No entry with at least this hash is before it.
Bytes EntriesFrom(Ino directory, uint64_t hash);

struct EntryName {
  uint64_t hash = 0;
  std::string_view name;  // of the key that was parsed
};
std::optional<EntryName> ParseEntry(Ino directory, ByteView key);

// The header; the four keys beside it start with it.
Bytes Header(Ino directory);
enum class Counter : char {
  kAccessed = 'a',
  kChanged = 'm',
  kEntries = 'n',
  kSubdirectories = 's',
};
Bytes DirectoryCounter(Ino directory, Counter counter);
// The counter of a key that starts with Header(directory); nothing for the header itself or a
// stranger.
std::optional<Counter> ParseDirectoryCounter(Ino directory, ByteView key);

// --- inodes and their content ---

Bytes OwnInode(Ino ino);
// `home` is the P of the table.
Bytes SmallContent(Ino home, Ino ino);
Bytes LargeXattr(Ino home, Ino ino, std::string_view name);
Bytes LargeXattrPrefix(Ino home, Ino ino);
std::optional<std::string> ParseLargeXattr(ByteView prefix, ByteView key);

Bytes Block(Ino ino, uint64_t generation, uint64_t index);
Bytes BlockPrefix(Ino ino, uint64_t generation);
std::optional<uint64_t> ParseBlock(ByteView key);

// --- the volume ---

Bytes Volume();
Bytes NextIno();
Bytes InodesUsed();
Bytes BytesUsed();
Bytes MoveEpoch();

Bytes Orphan(Ino ino);
Bytes OrphanPrefix();
std::optional<Ino> ParseOrphan(ByteView key);

struct Content {
  Ino ino;
  uint64_t generation = 0;
};
Bytes Reclaim(Content content);
Bytes ReclaimPrefix();
std::optional<Content> ParseReclaim(ByteView key);

}  // namespace metaring::fusefs::keys

#endif  // METARING_FUSEFS_META_KEYS_H_
