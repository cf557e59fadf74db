// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/layout.h"

#include <fmt/format.h>

namespace metaring::state {
namespace {

constexpr uint8_t kCodecMask = 0x0f;
constexpr uint8_t kChunkedFlag = 0x10;

uint64_t Checksum(ByteView store_key, uint8_t flags, uint64_t version, ByteView payload) {
  return Xxh3(payload, Xxh3(store_key) ^ version ^ uint64_t{flags} << 56);
}

Bytes Encode(ByteView store_key, uint8_t flags, uint64_t version, ByteView payload) {
  Bytes raw;
  raw.reserve(payload.size() + 19);
  AppendU8(raw, flags);
  AppendVarint(raw, version);
  AppendLittleU64(raw, Checksum(store_key, flags, version, payload));
  raw.append(payload);
  return raw;
}

tl::unexpected<Error> Damaged(ByteView store_key, const char* what) {
  return Fail(ErrorCode::kCorrupt,
              fmt::format("the record of key \"{}\" {}", Escaped(store_key), what));
}

Bytes WithScope(Scope scope, KeyKind kind, size_t rest_bytes) {
  Bytes key;
  key.reserve(kScopePrefixBytes + rest_bytes);
  AppendBigU16(key, scope.slot.value());
  AppendBigU32(key, scope.keyspace.value());
  key.push_back(static_cast<char>(kind));
  return key;
}

}  // namespace

Bytes StoreKey(Scope scope, KeyKind kind, ByteView rest) {
  Bytes key = WithScope(scope, kind, rest.size());
  key.append(rest);
  return key;
}

Bytes ChunkKey(Scope scope, uint64_t upload, uint32_t index) {
  Bytes key = WithScope(scope, KeyKind::kChunk, 12);
  AppendBigU64(key, upload);
  AppendBigU32(key, index);
  return key;
}

Bytes UploadKey(Scope scope, uint64_t upload) {
  Bytes key = WithScope(scope, KeyKind::kUpload, 8);
  AppendBigU64(key, upload);
  return key;
}

Bytes OutcomesKey(Scope scope, uint64_t client) {
  Bytes key = WithScope(scope, KeyKind::kOutcomes, 8);
  AppendBigU64(key, client);
  return key;
}

Bytes EncodeStored(ByteView store_key, uint64_t version, Codec codec, ByteView payload) {
  return Encode(store_key, static_cast<uint8_t>(codec), version, payload);
}

Bytes EncodeStoredHead(ByteView store_key, uint64_t version, Codec codec, const ChunkedHead& head) {
  Bytes payload;
  AppendLittleU64(payload, head.upload);
  AppendLittleU32(payload, head.chunks);
  AppendLittleU32(payload, head.bytes);
  return Encode(store_key, static_cast<uint8_t>(codec) | kChunkedFlag, version, payload);
}

Result<StoredRecord> DecodeStored(ByteView store_key, ByteView raw) {
  Reader reader(raw);
  const uint8_t flags = reader.U8();
  StoredRecord stored;
  stored.version = reader.Varint();
  const uint64_t checksum = reader.LittleU64();
  stored.payload = reader.rest();
  if (!reader.ok()) return Damaged(store_key, "is too short");
  if (checksum != Checksum(store_key, flags, stored.version, stored.payload)) {
    return Damaged(store_key, "has a wrong checksum");
  }
  stored.codec = static_cast<Codec>(flags & kCodecMask);
  stored.chunked = (flags & kChunkedFlag) != 0;
  return stored;
}

Result<ChunkedHead> DecodeHead(ByteView store_key, const StoredRecord& stored) {
  Reader reader(stored.payload);
  ChunkedHead head;
  head.upload = reader.LittleU64();
  head.chunks = reader.LittleU32();
  head.bytes = reader.LittleU32();
  if (!reader.Done() || head.bytes > kValueBytesMax || head.chunks > head.bytes) {
    return Damaged(store_key, "has a damaged chunk head");
  }
  return head;
}

}  // namespace metaring::state
