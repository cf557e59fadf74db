// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kvnode/base/random.h"

namespace metaring {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

// Every power of two and its neighbours, and some of everything between.
std::vector<uint64_t> InterestingNumbers() {
  std::vector<uint64_t> numbers = {0, kMax};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    numbers.insert(numbers.end(), {power - 1, power, power + 1});
  }
  Random random(1);
  for (int i = 0; i < 1000; ++i) numbers.push_back(random.Next() >> random.Below(64));
  return numbers;
}

TEST(Bytes, FixedIntegersHaveTheirByteOrder) {
  Bytes out;
  AppendU8(out, 0x01);
  AppendBigU16(out, 0x0203);
  AppendBigU32(out, 0x04050607);
  AppendBigU64(out, 0x08090a0b0c0d0e0f);
  AppendLittleU32(out, 0x13121110);
  AppendLittleU64(out, 0x1b1a191817161514);
  ASSERT_EQ(out.size(), 27u);
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], static_cast<char>(i + 1)) << i;
}

TEST(Bytes, FixedIntegersAreReadBack) {
  for (const uint64_t v : InterestingNumbers()) {
    Bytes out;
    AppendU8(out, static_cast<uint8_t>(v));
    AppendBigU16(out, static_cast<uint16_t>(v));
    AppendBigU32(out, static_cast<uint32_t>(v));
    AppendBigU64(out, v);
    AppendLittleU32(out, static_cast<uint32_t>(v));
    AppendLittleU64(out, v);
    Reader reader(out);
    EXPECT_EQ(reader.U8(), static_cast<uint8_t>(v));
    EXPECT_EQ(reader.BigU16(), static_cast<uint16_t>(v));
    EXPECT_EQ(reader.BigU32(), static_cast<uint32_t>(v));
    EXPECT_EQ(reader.BigU64(), v);
    EXPECT_EQ(reader.LittleU32(), static_cast<uint32_t>(v));
    EXPECT_EQ(reader.LittleU64(), v);
    EXPECT_TRUE(reader.Done());
  }
}

TEST(Bytes, LoadsReadWhatAppendsWrote) {
  Bytes out;
  AppendLittleU32(out, 0x12345678);
  EXPECT_EQ(LoadLittleU32(out.data()), 0x12345678u);
  AppendLittleU64(out, 0x123456789abcdef0);
  EXPECT_EQ(LoadLittleU64(out.data() + 4), 0x123456789abcdef0u);
  AppendBigU64(out, 0x123456789abcdef0);
  EXPECT_EQ(LoadBigU64(out.data() + 12), 0x123456789abcdef0u);
}

TEST(Varint, IsReadBackFromOneToTenBytes) {
  for (const uint64_t v : InterestingNumbers()) {
    Bytes out;
    AppendVarint(out, v);
    size_t expected = 1;
    for (uint64_t rest = v >> 7; rest != 0; rest >>= 7) ++expected;
    EXPECT_EQ(out.size(), expected);
    Reader reader(out);
    EXPECT_EQ(reader.Varint(), v);
    EXPECT_TRUE(reader.Done());
  }
}

TEST(Varint, OfMoreThan64BitsIsBad) {
  for (const Bytes& raw : {Bytes(9, '\xff') + '\x02', Bytes(10, '\x80'), Bytes(11, '\xff')}) {
    Reader reader(raw);
    EXPECT_EQ(reader.Varint(), 0u);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Varint, CutOffIsBad) {
  Reader reader("\xff\xff");
  EXPECT_EQ(reader.Varint(), 0u);
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, NeverReadsPastTheEnd) {
  const Bytes raw = "1234567";
  const auto bad = [&](auto read) {
    Reader reader(raw);
    reader.Take(raw.size());
    EXPECT_TRUE(reader.Done());
    read(reader);
    EXPECT_FALSE(reader.ok());
  };
  bad([](Reader& r) { EXPECT_EQ(r.U8(), 0); });
  bad([](Reader& r) { EXPECT_EQ(r.BigU16(), 0); });
  bad([](Reader& r) { EXPECT_EQ(r.BigU32(), 0u); });
  bad([](Reader& r) { EXPECT_EQ(r.BigU64(), 0u); });
  bad([](Reader& r) { EXPECT_EQ(r.LittleU32(), 0u); });
  bad([](Reader& r) { EXPECT_EQ(r.LittleU64(), 0u); });
  bad([](Reader& r) { EXPECT_EQ(r.Varint(), 0u); });
  bad([](Reader& r) { EXPECT_TRUE(r.LengthPrefixed().empty()); });
  Reader reader(raw);
  EXPECT_EQ(reader.BigU64(), 0u) << "one byte short";
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, StaysBadAfterTheFirstFailure) {
  Reader reader("12345");
  reader.Take(6);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.U8(), 0);
  EXPECT_TRUE(reader.Take(0).empty());
  EXPECT_TRUE(reader.rest().empty());
  EXPECT_FALSE(reader.Done());
}

TEST(Reader, IsNotDoneBeforeTheEnd) {
  Reader reader("12");
  reader.U8();
  EXPECT_FALSE(reader.Done());
  EXPECT_EQ(reader.rest(), "2");
}

TEST(Reader, LengthPrefixedIsReadBack) {
  for (const size_t size : {0, 1, 127, 128, 100'000}) {
    Bytes out;
    AppendLengthPrefixed(out, Bytes(size, 'x'));
    AppendU8(out, 9);
    Reader reader(out);
    EXPECT_EQ(reader.LengthPrefixed(), Bytes(size, 'x'));
    EXPECT_EQ(reader.U8(), 9);
    EXPECT_TRUE(reader.Done());
  }
}

TEST(Reader, LengthBeyondTheEndIsBad) {
  Bytes out;
  AppendVarint(out, kMax);
  out += "short";
  Reader reader(out);
  EXPECT_TRUE(reader.LengthPrefixed().empty());
  EXPECT_FALSE(reader.ok());
}

TEST(PrefixEnd, IsTheFirstKeyBehindThePrefix) {
  EXPECT_EQ(PrefixEnd("a"), "b");
  EXPECT_EQ(PrefixEnd("a/"), "a0");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd(ByteView("\0", 1)), "\x01");
  EXPECT_EQ(PrefixEnd("\x7f"), "\x80");
}

TEST(PrefixEnd, IsEmptyWhenNothingIsBehind) {
  EXPECT_EQ(PrefixEnd(""), "");
  EXPECT_EQ(PrefixEnd("\xff"), "");
  EXPECT_EQ(PrefixEnd("\xff\xff\xff"), "");
}

TEST(PrefixEnd, DividesAllKeysAsThePrefixDoes) {
  Random random(2);
  const auto random_key = [&] {
    Bytes key;
    for (uint64_t n = random.Below(4); n > 0; --n) {
      key.push_back("\x00\x01\xfe\xff"[random.Below(4)]);
    }
    return key;
  };
  for (int i = 0; i < 20'000; ++i) {
    const Bytes prefix = random_key();
    const Bytes key = random_key();
    const Bytes end = PrefixEnd(prefix);
    EXPECT_EQ(key.starts_with(prefix), key >= prefix && (end.empty() || key < end));
  }
}

TEST(Base32, FixedKeepsTheOrderOfNumbers) {
  std::vector<uint64_t> numbers = InterestingNumbers();
  std::sort(numbers.begin(), numbers.end());
  Bytes last;
  for (const uint64_t v : numbers) {
    Bytes digits;
    AppendBase32Fixed(digits, v);
    ASSERT_EQ(digits.size(), 13u);
    EXPECT_LE(last, digits);
    last = digits;
  }
}

TEST(Base32, IsParsedBack) {
  for (const uint64_t v : InterestingNumbers()) {
    Bytes fixed;
    AppendBase32Fixed(fixed, v);
    Bytes brief;
    AppendBase32Short(brief, v);
    for (const Bytes& digits : {fixed, brief}) {
      const Base32Value parsed = ParseBase32(digits);
      EXPECT_TRUE(parsed.ok) << digits;
      EXPECT_EQ(parsed.value, v);
    }
    EXPECT_TRUE(brief == "0" || brief[0] != '0') << brief;
    EXPECT_TRUE(fixed.ends_with(brief));
  }
}

TEST(Base32, HasTheDigitsItSays) {
  const auto brief = [](uint64_t v) {
    Bytes digits;
    AppendBase32Short(digits, v);
    return digits;
  };
  EXPECT_EQ(brief(0), "0");
  EXPECT_EQ(brief(9), "9");
  EXPECT_EQ(brief(10), "a");
  EXPECT_EQ(brief(31), "v");
  EXPECT_EQ(brief(32), "10");
  EXPECT_EQ(brief(kMax), "fvvvvvvvvvvvv");
}

TEST(Base32, OtherInputIsRefused) {
  for (const char* digits :
       {"", "w", "A", "-1", " 1", "1 ", "g000000000000", "vvvvvvvvvvvvv", "00000000000000"}) {
    EXPECT_FALSE(ParseBase32(digits).ok) << digits;
  }
}

TEST(EscapedText, LeavesPrintableAsciiAlone) {
  EXPECT_EQ(Escaped("plain text ~!\"'"), "plain text ~!\"'");
}

TEST(EscapedText, ForgesNoLines) {
  EXPECT_EQ(Escaped("a\nb\r\x1b[0m\\\x7f"), "a\\x0ab\\x0d\\x1b[0m\\x5c\\x7f");
  EXPECT_EQ(Escaped(ByteView("\0\xff\xc3\xa4", 4)), "\\x00\\xff\\xc3\\xa4");
}

TEST(EscapedText, IsCutAfterItsBound) {
  EXPECT_EQ(Escaped("123456", 6), "123456");
  EXPECT_EQ(Escaped("1234567", 6), "123456...");
}

// The values of the xxHash project's own tools for these inputs.
TEST(Hash, IsXxh3) {
  EXPECT_EQ(Xxh3(""), 0x2d06800538d394c2u);
  EXPECT_EQ(Xxh3("", 0), Xxh3(""));
  EXPECT_NE(Xxh3("a", 1), Xxh3("a", 2));
  EXPECT_NE(Xxh3("a"), Xxh3("b"));
}

}  // namespace
}  // namespace metaring
