// SPDX-License-Identifier: Apache-2.0
//
// The bytes of data.mdb: one LMDB database (the unnamed one), whose keys begin with a tag.
//
//   entry  := 00                          -> meta       one, always there
//           | 01 chunk                    -> value      a key of up to 509 bytes
//           | 01 chunk(509) 00            -> branch     the keys that begin with these 509 bytes
//           | 02 branch chunk             -> value      1 to 501 further bytes of such a key
//           | 02 branch chunk(501) 00     -> branch     and so on
//   branch := u64 big-endian, from 1 up, never reused
//   meta   := version u32, applied u64, last branch u64, branches u64 (all little-endian),
//             xxh3 u64 little-endian of the 28 bytes before
//
// LMDB ends keys at 511 bytes, so a longer key is a path: its first 509 bytes name a branch, in
// which it goes on. A branch's entry is one byte longer than any chunk may be, and so stands right
// behind the key that is exactly its 509 bytes and before every key that is greater: the order of
// the paths is the order of the keys. A branch without entries is removed with its last one.
//
// Example. The key of 509 times 'a' and then "bc", value "v", alone in a store at applied index 7:
//   00                     -> 01000000 0700000000000000 0100000000000000 0100000000000000 sum
//   01 61{509} 00          -> 0000000000000001
//   02 0000000000000001 62 63 -> 76
#ifndef METARING_KVNODE_STORE_FORMAT_H_
#define METARING_KVNODE_STORE_FORMAT_H_

#include <cstdint>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::store {

inline constexpr uint32_t kDataFormatVersion = 1;
inline constexpr ByteView kMetaKey{"\0", 1};
inline constexpr char kRootTag = 1;
inline constexpr char kBranchTag = 2;
inline constexpr size_t kLmdbKeyBytesMax = 511;

struct Meta {
  uint64_t applied = 0;      // what the data stands for
  uint64_t last_branch = 0;  // the id given last
  uint64_t branches = 0;     // entries that are branches
};

Bytes EncodeMeta(const Meta& meta);
// kFormatMismatch for another version, kCorrupt when the checksum is wrong.
Result<Meta> DecodeMeta(ByteView raw);

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_FORMAT_H_
