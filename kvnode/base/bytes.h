// SPDX-License-Identifier: Apache-2.0
//
// Bytes and the fixed encodings that every stored format uses: big-endian where byte order must be
// key order, little-endian elsewhere, and LEB128 varints. A Reader never reads past its end: it
// turns bad and stays bad, so that a decoder checks once.
#ifndef METARING_KVNODE_BASE_BYTES_H_
#define METARING_KVNODE_BASE_BYTES_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace metaring {

using Bytes = std::string;
using ByteView = std::string_view;

inline void AppendU8(Bytes& out, uint8_t v) {
  out.push_back(static_cast<char>(v));
}
void AppendBigU16(Bytes& out, uint16_t v);
void AppendBigU32(Bytes& out, uint32_t v);
void AppendBigU64(Bytes& out, uint64_t v);
void AppendLittleU32(Bytes& out, uint32_t v);
void AppendLittleU64(Bytes& out, uint64_t v);
// 1 to 10 bytes, seven bits a byte, least significant first.
void AppendVarint(Bytes& out, uint64_t v);
// A varint length, then the bytes.
void AppendLengthPrefixed(Bytes& out, ByteView v);

uint32_t LoadLittleU32(const char* p);
uint64_t LoadLittleU64(const char* p);
uint64_t LoadBigU64(const char* p);

// One caller. Reads values off the front of a view. After the first failure `ok()` is false and
// every further read gives zero or an empty view.
class Reader {
 public:
  explicit Reader(ByteView data) : rest_(data) {}

  bool ok() const { return ok_; }
  // True when everything was read and nothing failed.
  bool Done() const { return ok_ && rest_.empty(); }
  ByteView rest() const { return rest_; }

  uint8_t U8();
  uint16_t BigU16();
  uint32_t BigU32();
  uint64_t BigU64();
  uint32_t LittleU32();
  uint64_t LittleU64();
  uint64_t Varint();
  ByteView LengthPrefixed();
  ByteView Take(size_t count);

 private:
  ByteView rest_;
  bool ok_ = true;
};

// The smallest key that is greater than every key with this prefix; empty when there is none (the
// prefix is empty or all 0xff), which a scan takes as "to the end".
Bytes PrefixEnd(ByteView prefix);

// 64 bits in base 32 with the digits 0-9a-v, whose byte order is the numbers' order.
// Fixed: always 13 digits. Short: without leading zeros, at least one digit.
void AppendBase32Fixed(Bytes& out, uint64_t v);
void AppendBase32Short(Bytes& out, uint64_t v);
// The value of 1 to 13 digits; false in `ok` for anything else or for more than 64 bits.
struct Base32Value {
  uint64_t value = 0;
  bool ok = false;
};
Base32Value ParseBase32(ByteView digits);

// For logs and messages: printable ASCII as it is, everything else (and the backslash) as \xHH;
// after `max` input bytes "..." (names come from strangers: they must not forge log lines).
std::string Escaped(ByteView raw, size_t max = 128);

// xxh3 of 64 bits (seed 0): the checksum of every stored format and the hash of every placement.
uint64_t Xxh3(ByteView data);
uint64_t Xxh3(ByteView data, uint64_t seed);

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_BYTES_H_
