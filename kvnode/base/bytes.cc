// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/bytes.h"

#include <xxhash.h>

#include <bit>

namespace metaring {
namespace {

constexpr char kBase32Digits[] = "0123456789abcdefghijklmnopqrstuv";
constexpr int kBase32FixedDigits = 13;

template <typename T>
void AppendLittle(Bytes& out, T v) {
  static_assert(std::endian::native == std::endian::little);
  char raw[sizeof(T)];
  std::memcpy(raw, &v, sizeof(T));
  out.append(raw, sizeof(T));
}

// Between the machine's order, which is little-endian, and the other.
uint16_t Swapped(uint16_t v) {
  return __builtin_bswap16(v);
}
uint32_t Swapped(uint32_t v) {
  return __builtin_bswap32(v);
}
uint64_t Swapped(uint64_t v) {
  return __builtin_bswap64(v);
}

template <typename T>
void AppendBig(Bytes& out, T v) {
  AppendLittle(out, Swapped(v));
}

// Zero when there are not enough.
template <typename T>
T LoadBig(ByteView raw) {
  T v = 0;
  if (raw.size() == sizeof v) std::memcpy(&v, raw.data(), sizeof v);
  return Swapped(v);
}

}  // namespace

void AppendBigU16(Bytes& out, uint16_t v) {
  AppendBig(out, v);
}
void AppendBigU32(Bytes& out, uint32_t v) {
  AppendBig(out, v);
}
void AppendBigU64(Bytes& out, uint64_t v) {
  AppendBig(out, v);
}
void AppendLittleU32(Bytes& out, uint32_t v) {
  AppendLittle(out, v);
}
void AppendLittleU64(Bytes& out, uint64_t v) {
  AppendLittle(out, v);
}

void AppendVarint(Bytes& out, uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}

void AppendLengthPrefixed(Bytes& out, ByteView v) {
  AppendVarint(out, v.size());
  out.append(v);
}

uint32_t LoadLittleU32(const char* p) {
  uint32_t v = 0;
  std::memcpy(&v, p, sizeof v);
  return v;
}

uint64_t LoadLittleU64(const char* p) {
  uint64_t v = 0;
  std::memcpy(&v, p, sizeof v);
  return v;
}

uint64_t LoadBigU64(const char* p) {
  return LoadBig<uint64_t>(ByteView(p, 8));
}

ByteView Reader::Take(size_t count) {
  if (!ok_ || count > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const ByteView taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

uint8_t Reader::U8() {
  const ByteView raw = Take(1);
  return raw.empty() ? 0 : static_cast<uint8_t>(raw[0]);
}

uint16_t Reader::BigU16() {
  return LoadBig<uint16_t>(Take(2));
}
uint32_t Reader::BigU32() {
  return LoadBig<uint32_t>(Take(4));
}
uint64_t Reader::BigU64() {
  return LoadBig<uint64_t>(Take(8));
}

uint32_t Reader::LittleU32() {
  const ByteView raw = Take(4);
  return raw.empty() ? 0 : LoadLittleU32(raw.data());
}

uint64_t Reader::LittleU64() {
  const ByteView raw = Take(8);
  return raw.empty() ? 0 : LoadLittleU64(raw.data());
}

uint64_t Reader::Varint() {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = U8();
    if (!ok_) return 0;
    if (shift == 63 && byte > 1) break;  // more than 64 bits
    v |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return v;
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

ByteView Reader::LengthPrefixed() {
  const uint64_t length = Varint();
  return Take(length);
}

Bytes PrefixEnd(ByteView prefix) {
  Bytes end(prefix);
  while (!end.empty() && static_cast<uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

void AppendBase32Fixed(Bytes& out, uint64_t v) {
  for (int digit = kBase32FixedDigits - 1; digit >= 0; --digit) {
    out.push_back(kBase32Digits[v >> (5 * digit) & 31]);
  }
}

void AppendBase32Short(Bytes& out, uint64_t v) {
  int digits = 1;
  while (digits < kBase32FixedDigits && v >> (5 * digits) != 0) ++digits;
  for (int digit = digits - 1; digit >= 0; --digit) {
    out.push_back(kBase32Digits[v >> (5 * digit) & 31]);
  }
}

Base32Value ParseBase32(ByteView digits) {
  if (digits.empty() || digits.size() > kBase32FixedDigits) return {};
  uint64_t v = 0;
  for (const char c : digits) {
    uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'v') {
      digit = static_cast<uint64_t>(c - 'a') + 10;
    } else {
      return {};
    }
    if (v >> 59 != 0) return {};
    v = v << 5 | digit;
  }
  return {v, true};
}

std::string Escaped(ByteView raw, size_t max) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : raw.substr(0, max)) {
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      out.push_back(c);
      continue;
    }
    out += "\\x";
    out.push_back(kHex[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kHex[static_cast<uint8_t>(c) & 15]);
  }
  if (raw.size() > max) out += "...";
  return out;
}

uint64_t Xxh3(ByteView data) {
  return XXH3_64bits(data.data(), data.size());
}
uint64_t Xxh3(ByteView data, uint64_t seed) {
  return XXH3_64bits_withSeed(data.data(), data.size(), seed);
}

}  // namespace metaring
