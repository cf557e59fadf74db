// SPDX-License-Identifier: Apache-2.0
//
// Layout: how the state machine spells keys and values in the store.
//
//   store key    = slot(u16 big-endian) keyspace(u32 big-endian) kind(u8) rest
//   kind 'd'     : rest = the user's key; the value is a stored record
//   kind 'c'     : rest = upload(u64 BE) index(u32 BE); the value is one chunk of a large value, as
//   a
//                  stored record
//   kind 'u'     : rest = upload(u64 BE); the value is the log time (i64 LE) of a staged upload's
//   begin kind 'r'     : rest = client(u64 BE); the value is the client's outcomes (outcomes.h)
//
//   stored record = flags(u8) version(varint) checksum(u64 LE) payload
//   flags         = codec(bits 0-3) chunked(bit 4)
//   checksum      = xxh3(payload, seed = xxh3(store key) ^ version ^ flags << 56)
//   payload       = the value in its codec; or, if chunked: upload(u64 LE) chunks(u32 LE) bytes(u32
//   LE)
//
// The key is part of the checksum, so a record that stands under another's key is noticed. Example,
// the key "a" = "hi" of keyspace 1, slot 0, version 7:
//   key   00 00 | 00 00 00 01 | 64 | 61
//   value 00 | 07 | <8 bytes of checksum> | 68 69
#ifndef METARING_KVNODE_STATE_LAYOUT_H_
#define METARING_KVNODE_STATE_LAYOUT_H_

#include "kvnode/base/bytes.h"
#include "kvnode/base/ids.h"
#include "kvnode/base/result.h"
#include "kvnode/state/command.h"

namespace metaring::state {

// Where a command acts: one slot of one keyspace.
struct Scope {
  SlotId slot;
  KeyspaceId keyspace;
};

enum class KeyKind : char { kData = 'd', kChunk = 'c', kUpload = 'u', kOutcomes = 'r' };

inline constexpr size_t kScopePrefixBytes = 7;

Bytes StoreKey(Scope scope, KeyKind kind, ByteView rest);
Bytes ChunkKey(Scope scope, uint64_t upload, uint32_t index);
Bytes UploadKey(Scope scope, uint64_t upload);
Bytes OutcomesKey(Scope scope, uint64_t client);

// The payload of a chunked record: where its value lies.
struct ChunkedHead {
  uint64_t upload = 0;
  uint32_t chunks = 0;
  uint32_t bytes = 0;  // of all chunks together
};

// A stored record, taken apart; `payload` points into the raw value.
struct StoredRecord {
  uint64_t version = 0;
  Codec codec = Codec::kNone;
  bool chunked = false;
  ByteView payload;
};

Bytes EncodeStored(ByteView store_key, uint64_t version, Codec codec, ByteView payload);
Bytes EncodeStoredHead(ByteView store_key, uint64_t version, Codec codec, const ChunkedHead& head);

// kCorrupt, naming the key, when the checksum or the structure is wrong.
Result<StoredRecord> DecodeStored(ByteView store_key, ByteView raw);
Result<ChunkedHead> DecodeHead(ByteView store_key, const StoredRecord& stored);

}  // namespace metaring::state

#endif  // METARING_KVNODE_STATE_LAYOUT_H_
