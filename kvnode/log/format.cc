// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/format.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "kvnode/base/check.h"

namespace metaring::log {
namespace {

constexpr ByteView kMagic = "MRINGLOG";
constexpr size_t kChecksummedHeaderBytes = 32;

// Offsets in a record.
constexpr size_t kAfterChecksum = 8;
constexpr size_t kLengthAt = 16;
constexpr size_t kUnsyncedAt = 20;

template <typename T>
void Store(char* at, T v) {
  std::memcpy(at, &v, sizeof v);
}

bool IsKind(uint8_t kind) {
  return kind >= static_cast<uint8_t>(RecordKind::kData) &&
         kind <= static_cast<uint8_t>(RecordKind::kMark);
}

}  // namespace

Bytes EncodeSegmentHeader(const SegmentHeader& header) {
  Bytes out(kMagic);
  AppendLittleU32(out, kFormatVersion);
  AppendLittleU32(out, 0);
  AppendLittleU64(out, header.start.value());
  AppendLittleU64(out, header.file_bytes);
  AppendLittleU64(out, Xxh3(out));
  out.resize(kSegmentHeaderBytes, '\0');
  return out;
}

Result<SegmentHeader> DecodeSegmentHeader(ByteView raw, const std::string& name) {
  Reader reader(raw);
  const ByteView magic = reader.Take(kMagic.size());
  const uint32_t version = reader.LittleU32();
  reader.LittleU32();
  const SegmentHeader header{Lsn(reader.LittleU64()), reader.LittleU64()};
  const uint64_t checksum = reader.LittleU64();
  if (!reader.ok() || magic != kMagic || checksum != Xxh3(raw.substr(0, kChecksummedHeaderBytes))) {
    return Fail(ErrorCode::kCorrupt, fmt::format("log file {}: damaged header at offset 0", name));
  }
  if (version != kFormatVersion) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("log file {} has format version {}, expected {}", name, version,
                            kFormatVersion));
  }
  return header;
}

void AppendUnsealed(Bytes& out, RecordKind kind, Lsn begin, GroupId group, uint8_t type,
                    ByteView payload) {
  const size_t at = out.size();
  AppendLittleU64(out, 0);
  AppendLittleU64(out, begin.value());
  AppendLittleU32(out, static_cast<uint32_t>(payload.size()));
  AppendLittleU32(out, 0);
  AppendLittleU32(out, group.value());
  AppendU8(out, type);
  AppendU8(out, static_cast<uint8_t>(kind));
  out.append(2, '\0');
  out.append(payload);
  out.append(at + RecordBytes(payload.size()) - out.size(), '\0');
}

void Seal(char* data, size_t size, Lsn synced) {
  for (size_t at = 0; at < size;) {
    char* record = data + at;
    const uint64_t unsynced = LoadLittleU64(record + kRecordLsnOffset) - synced.value();
    CHECK(unsynced <= std::numeric_limits<uint32_t>::max());
    Store(record + kUnsyncedAt, static_cast<uint32_t>(unsynced));
    const uint64_t bytes = RecordBytes(LoadLittleU32(record + kLengthAt));
    CHECK(at + bytes <= size);
    Store(record, Xxh3(ByteView(record + kAfterChecksum, bytes - kAfterChecksum)));
    at += bytes;
  }
}

std::optional<uint64_t> ClaimedBytes(ByteView header, Lsn at) {
  if (header.size() < kRecordHeaderBytes) return std::nullopt;
  if (LoadLittleU64(header.data() + kRecordLsnOffset) != at.value()) return std::nullopt;
  // Bytes that were never written would claim to be a record at 0.
  if (header.substr(0, kRecordHeaderBytes).find_first_not_of('\0') == ByteView::npos) {
    return std::nullopt;
  }
  return RecordBytes(LoadLittleU32(header.data() + kLengthAt));
}

std::optional<StoredRecord> ParseRecord(ByteView raw, Lsn at) {
  Reader reader(raw);
  const uint64_t checksum = reader.LittleU64();
  const Lsn begin(reader.LittleU64());
  const uint32_t length = reader.LittleU32();
  const uint32_t unsynced = reader.LittleU32();
  const GroupId group(reader.LittleU32());
  const uint8_t type = reader.U8();
  const uint8_t kind = reader.U8();
  const bool zero = reader.BigU16() == 0;
  const ByteView payload = reader.Take(length);
  if (!reader.ok() || begin != at || !zero || !IsKind(kind) || unsynced > at.value() ||
      raw.size() != RecordBytes(length) || checksum != Xxh3(raw.substr(kAfterChecksum))) {
    return std::nullopt;
  }
  return StoredRecord{static_cast<RecordKind>(kind), Lsn(at.value() - unsynced),
                      Record{at, Plus(at, raw.size()), group, type, payload}};
}

}  // namespace metaring::log
