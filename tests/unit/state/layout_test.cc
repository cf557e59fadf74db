// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/layout.h"

#include <gtest/gtest.h>

#include "kvnode/state/codec.h"

namespace metaring::state {
namespace {

const Scope kScope{SlotId{0}, KeyspaceId{1}};

std::string Hex(ByteView raw) {
  std::string out;
  for (const char c : raw) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

TEST(Layout, GoldenBytesOfTheWorkedExample) {
  const Bytes key = StoreKey(kScope, KeyKind::kData, "a");
  EXPECT_EQ(Hex(key), "0000000000016461");
  const Bytes raw = EncodeStored(key, 7, Codec::kNone, "hi");
  EXPECT_EQ(Hex(raw.substr(0, 2)), "0007");
  EXPECT_EQ(Hex(raw.substr(10)), "6869");
  EXPECT_EQ(raw.size(), 12u);
}

TEST(Layout, RecordComesBackAsItWas) {
  const Bytes key = StoreKey(kScope, KeyKind::kData, "k");
  const Bytes raw = EncodeStored(key, uint64_t{1} << 60, Codec::kZstd, Bytes(1000, 'x'));
  const auto stored = DecodeStored(key, raw);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->version, uint64_t{1} << 60);
  EXPECT_EQ(stored->codec, Codec::kZstd);
  EXPECT_FALSE(stored->chunked);
  EXPECT_EQ(stored->payload, Bytes(1000, 'x'));
}

TEST(Layout, EveryFlippedBitIsNoticed) {
  const Bytes key = StoreKey(kScope, KeyKind::kData, "key");
  const Bytes raw = EncodeStored(key, 300, Codec::kNone, "some value");
  for (size_t bit = 0; bit < raw.size() * 8; ++bit) {
    Bytes damaged = raw;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto stored = DecodeStored(key, damaged);
    ASSERT_FALSE(stored) << "bit " << bit;
    EXPECT_EQ(stored.error().code, ErrorCode::kCorrupt);
  }
  for (size_t size = 0; size < raw.size(); ++size)
    EXPECT_FALSE(DecodeStored(key, raw.substr(0, size)));
}

TEST(Layout, RecordUnderAnotherKeyIsNoticed) {
  const Bytes raw = EncodeStored(StoreKey(kScope, KeyKind::kData, "a"), 1, Codec::kNone, "v");
  EXPECT_FALSE(DecodeStored(StoreKey(kScope, KeyKind::kData, "b"), raw));
}

TEST(Codec, CompressibleValuesShrinkAndComeBack) {
  const Bytes value(100'000, 'z');
  const Encoded encoded = Compress(value);
  EXPECT_EQ(encoded.codec, Codec::kZstd);
  EXPECT_LT(encoded.value.size(), 1000u);
  EXPECT_EQ(Decode(encoded.codec, encoded.value).value(), value);
}

TEST(Codec, IncompressibleValuesStayAsTheyAre) {
  const Encoded encoded = Compress("q7#");
  EXPECT_EQ(encoded.codec, Codec::kNone);
  EXPECT_EQ(encoded.value, "q7#");
}

TEST(Codec, DamagedFramesAreCorruptNotFatal) {
  const Encoded encoded = Compress(Bytes(5000, 'y'));
  for (size_t size = 0; size < encoded.value.size(); ++size) {
    EXPECT_FALSE(Decode(Codec::kZstd, ByteView(encoded.value).substr(0, size)));
  }
  EXPECT_FALSE(Decode(static_cast<Codec>(9), "x"));
}

}  // namespace
}  // namespace metaring::state
