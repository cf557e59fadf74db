// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/format.h"

#include <fmt/format.h>

#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

std::string Hex(ByteView raw) {
  std::string out;
  for (const char c : raw) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

Bytes Sealed(RecordKind kind, Lsn begin, ByteView payload, Lsn synced) {
  Bytes raw;
  AppendUnsealed(raw, kind, begin, GroupId(7), 3, payload);
  Seal(raw.data(), raw.size(), synced);
  return raw;
}

// The example of format.h.
TEST(LogFormat, RecordHasTheBytesOfTheWorkedExample) {
  EXPECT_EQ(Hex(Sealed(RecordKind::kData, Lsn(64), "hi", Lsn(40))),
            "eb9f3140088c4d9c"
            "4000000000000000"
            "02000000"
            "18000000"
            "07000000"
            "03"
            "01"
            "0000"
            "6869"
            "000000000000");
}

TEST(LogFormat, SegmentHeaderHasGoldenBytes) {
  const Bytes raw = EncodeSegmentHeader({Lsn(0x1000), 0x20000});
  ASSERT_EQ(raw.size(), kSegmentHeaderBytes);
  EXPECT_EQ(Hex(raw.substr(0, 40)),
            "4d52494e474c4f47"
            "01000000"
            "00000000"
            "0010000000000000"
            "0000020000000000"
            "cbb8c83147548465");
  EXPECT_EQ(raw.find_first_not_of('\0', 40), Bytes::npos);
}

TEST(LogFormat, RecordIsParsedBack) {
  for (const size_t size : {0, 1, 7, 8, 9, 1000}) {
    const Bytes payload(size, 'p');
    const Bytes raw = Sealed(RecordKind::kData, Lsn(800), payload, Lsn(800));
    ASSERT_EQ(raw.size(), RecordBytes(size));
    EXPECT_EQ(ClaimedBytes(raw, Lsn(800)), raw.size());
    const auto stored = ParseRecord(raw, Lsn(800));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->kind, RecordKind::kData);
    EXPECT_EQ(stored->synced, Lsn(800));
    EXPECT_EQ(stored->record.begin, Lsn(800));
    EXPECT_EQ(stored->record.end, Lsn(800 + raw.size()));
    EXPECT_EQ(stored->record.group, GroupId(7));
    EXPECT_EQ(stored->record.type, 3);
    EXPECT_EQ(stored->record.payload, payload);
  }
}

TEST(LogFormat, EveryFlippedBitOfARecordIsSeen) {
  Bytes raw = Sealed(RecordKind::kData, Lsn(64), "payload", Lsn(8));
  for (size_t bit = 0; bit < raw.size() * 8; ++bit) {
    char& byte = raw[bit / 8];
    byte = static_cast<char>(byte ^ 1 << bit % 8);
    EXPECT_FALSE(ParseRecord(raw, Lsn(64))) << bit;
    byte = static_cast<char>(byte ^ 1 << bit % 8);
  }
  EXPECT_TRUE(ParseRecord(raw, Lsn(64)));
}

TEST(LogFormat, RecordIsValidAtItsOwnPositionOnly) {
  const Bytes raw = Sealed(RecordKind::kData, Lsn(64), "payload", Lsn(8));
  EXPECT_FALSE(ParseRecord(raw, Lsn(72)));
  EXPECT_FALSE(ClaimedBytes(raw, Lsn(72)));
}

TEST(LogFormat, ZerosAreNoRecordAtPositionZero) {
  const Bytes zeros(64, '\0');
  EXPECT_FALSE(ClaimedBytes(zeros, Lsn(0)));
  EXPECT_FALSE(ParseRecord(ByteView(zeros).substr(0, kRecordHeaderBytes), Lsn(0)));
}

TEST(LogFormat, ShortInputIsNoRecord) {
  const Bytes raw = Sealed(RecordKind::kData, Lsn(64), "payload", Lsn(8));
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_FALSE(ParseRecord(ByteView(raw).substr(0, size), Lsn(64))) << size;
  }
  EXPECT_FALSE(ClaimedBytes(ByteView(raw).substr(0, kRecordHeaderBytes - 1), Lsn(64)));
}

TEST(LogFormat, SegmentHeaderIsParsedBack) {
  const auto header = DecodeSegmentHeader(EncodeSegmentHeader({Lsn(4096), 1 << 20}), "f");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->start, Lsn(4096));
  EXPECT_EQ(header->file_bytes, 1u << 20);
}

TEST(LogFormat, DamagedSegmentHeaderIsCorrupt) {
  const Bytes good = EncodeSegmentHeader({Lsn(4096), 1 << 20});
  for (size_t at = 0; at < 40; ++at) {
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const auto header = DecodeSegmentHeader(bad, "0001.log");
    ASSERT_EQ(CodeOf(header), ErrorCode::kCorrupt) << at;
    EXPECT_NE(header.error().message.find("0001.log"), std::string::npos);
  }
  EXPECT_EQ(CodeOf(DecodeSegmentHeader(good.substr(0, 39), "f")), ErrorCode::kCorrupt);
}

TEST(LogFormat, AnotherVersionIsNamed) {
  Bytes raw = EncodeSegmentHeader({Lsn(0), 1 << 20});
  raw[8] = 2;
  Bytes checksum;
  AppendLittleU64(checksum, Xxh3(ByteView(raw).substr(0, 32)));
  raw.replace(32, 8, checksum);
  const auto header = DecodeSegmentHeader(raw, "f");
  ASSERT_EQ(CodeOf(header), ErrorCode::kFormatMismatch);
  EXPECT_NE(header.error().message.find("version 2, expected 1"), std::string::npos);
}

}  // namespace
}  // namespace metaring::log
