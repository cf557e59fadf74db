// SPDX-License-Identifier: Apache-2.0
//
// The bytes of the log, version 1. All integers are little-endian.
//
//   log        := segment*                    files, each begins where the one before it ends
//   segment    := header data                 the file "%016x.log" of the LSN at which its data
//   begins header     := magic version zero32 start file_bytes checksum zero* kSegmentHeaderBytes
//     magic      8 bytes  "MRINGLOG"
//     version    u32      kFormatVersion
//     zero32     u32      0
//     start      u64      LSN of the first byte of data
//     file_bytes u64      size of the file; the next segment starts at start + file_bytes - header
//     checksum   u64      xxh3 of the 32 bytes before it (here in every version to come)
//   data       := record* (segment_end any*)?  `any` is never looked at; without segment_end: the
//   tail record     := checksum lsn length unsynced group type kind zero16 payload pad
//     checksum   u64      xxh3 of all that follows it in the record, pad included
//     lsn        u64      where the record begins; so no stale byte of a recycled file is ever
//     valid length     u32      of the payload unsynced   u32      lsn minus the LSN that was known
//     durable when the record was written group      u32      Record::group type       u8
//     Record::type kind       u8       1 data, 2 segment_end, 3 mark; 2 and 3 have no payload
//     zero16     u16      0
//     payload    length bytes
//     pad        0 to 7 zero bytes: a record begins at a multiple of 8
//
// A record lies in one segment. Headers take no LSNs: the byte of LSN n is in the file of the
// segment with start <= n, at offset kSegmentHeaderBytes + n - start.
//
// lsn - unsynced ("synced") is what tells a torn tail from a corrupt middle. Let P be the first
// position without a valid record. When any valid record behind it has synced > P, then P was
// durable once and is damaged now. Otherwise everything from P on was written, but never
// acknowledged. A mark says nothing but that: a clean close writes one, so that the last record is
// covered too.
//
// Example: the payload "hi", group 7, type 3, at LSN 64, written when 40 was durable; 40 bytes:
//   eb 9f 31 40 08 8c 4d 9c  40 00 00 00 00 00 00 00  02 00 00 00  18 00 00 00
//   07 00 00 00  03 01 00 00  68 69  00 00 00 00 00 00
#ifndef METARING_KVNODE_LOG_FORMAT_H_
#define METARING_KVNODE_LOG_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/log/log.h"

namespace metaring::log {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kSegmentHeaderBytes = 4096;
inline constexpr uint64_t kRecordHeaderBytes = 32;
inline constexpr size_t kRecordLsnOffset = 8;
inline constexpr uint64_t kRecordAlignment = 8;

constexpr Lsn Plus(Lsn lsn, uint64_t bytes) {
  return Lsn(lsn.value() + bytes);
}

struct SegmentHeader {
  Lsn start;
  uint64_t file_bytes = 0;
};

// kSegmentHeaderBytes long.
Bytes EncodeSegmentHeader(const SegmentHeader& header);
// `raw` is the beginning of the file `name` (for the message). kCorrupt, kFormatMismatch.
Result<SegmentHeader> DecodeSegmentHeader(ByteView raw, const std::string& name);

enum class RecordKind : uint8_t { kData = 1, kSegmentEnd = 2, kMark = 3 };

struct StoredRecord {
  RecordKind kind = RecordKind::kData;
  Lsn synced;     // what was durable when it was written
  Record record;  // the payload views the parsed bytes
};

// What a record with such a payload takes in the log.
constexpr uint64_t RecordBytes(uint64_t payload_bytes) {
  return (kRecordHeaderBytes + payload_bytes + kRecordAlignment - 1) / kRecordAlignment *
         kRecordAlignment;
}

// Appends a record without its checksum and `unsynced`, which are not known before it is written.
void AppendUnsealed(Bytes& out, RecordKind kind, Lsn begin, GroupId group, uint8_t type,
                    ByteView payload);
// Completes the unsealed records that fill [data, data + size). synced <= their LSNs.
void Seal(char* data, size_t size, Lsn synced);

// The size of the record of which these are the first kRecordHeaderBytes or more, if it claims to
// begin at `at`; nothing is known of its checksum. The result may be beyond any segment.
std::optional<uint64_t> ClaimedBytes(ByteView header, Lsn at);
// The record in exactly these bytes, if it is valid at that position.
std::optional<StoredRecord> ParseRecord(ByteView raw, Lsn at);

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_FORMAT_H_
