// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/keys.h"

#include <algorithm>

namespace metaring::fusefs::keys {
namespace {

constexpr size_t kFixedDigits = 13;
constexpr uint64_t kHashMin = 6;
constexpr std::string_view kVolumePlace = "/~/0/";

// "/<ino>/<fraction or generation>/" and `kind`, with room for `more` bytes.
Bytes InPlace(Ino ino, uint64_t part, char kind, size_t more = 0) {
  Bytes key;
  key.reserve(2 * kFixedDigits + 4 + more);
  key.push_back('/');
  AppendBase32Short(key, ino.value());
  key.push_back('/');
  AppendBase32Short(key, part);
  key.push_back('/');
  key.push_back(kind);
  return key;
}

Bytes OfVolume(char kind) {
  Bytes key(kVolumePlace);
  key.push_back(kind);
  return key;
}

// What follows the volume's prefix of `kind`, in numbers of 13 digits.
std::optional<uint64_t> FixedAt(ByteView key, size_t offset) {
  if (key.size() < offset + kFixedDigits) return std::nullopt;
  const Base32Value parsed = ParseBase32(key.substr(offset, kFixedDigits));
  if (!parsed.ok) return std::nullopt;
  return parsed.value;
}

}  // namespace

uint64_t EntryHash(uint64_t seed, std::string_view name) {
  return std::max(Xxh3(name, seed) & ~uint64_t{1}, kHashMin);
}

Bytes Entry(Ino directory, uint64_t hash, std::string_view name) {
  Bytes key = InPlace(directory, 0, 'e', kFixedDigits + name.size());
  AppendBase32Fixed(key, hash);
  key.append(name);
  return key;
}

Bytes EntryPrefix(Ino directory) {
  return InPlace(directory, 0, 'e');
}

Bytes EntriesFrom(Ino directory, uint64_t hash) {
  return Entry(directory, hash, "");
}

std::optional<EntryName> ParseEntry(Ino directory, ByteView key) {
  const Bytes prefix = EntryPrefix(directory);
  if (!key.starts_with(prefix)) return std::nullopt;
  const auto hash = FixedAt(key, prefix.size());
  if (!hash || *hash < kHashMin || (*hash & 1) != 0) return std::nullopt;
  return EntryName{*hash, key.substr(prefix.size() + kFixedDigits)};
}

Bytes Header(Ino directory) {
  return InPlace(directory, 0, 'h');
}

Bytes DirectoryCounter(Ino directory, Counter counter) {
  Bytes key = InPlace(directory, 0, 'h', 1);
  key.push_back(static_cast<char>(counter));
  return key;
}

std::optional<Counter> ParseDirectoryCounter(Ino directory, ByteView key) {
  if (key.size() != Header(directory).size() + 1) return std::nullopt;
  const auto counter = static_cast<Counter>(key.back());
  switch (counter) {
    case Counter::kAccessed:
    case Counter::kChanged:
    case Counter::kEntries:
    case Counter::kSubdirectories:
      return counter;
  }
  return std::nullopt;
}

Bytes OwnInode(Ino ino) {
  return InPlace(ino, 0, 'i');
}

Bytes SmallContent(Ino home, Ino ino) {
  Bytes key = InPlace(home, 0, 'd', kFixedDigits);
  AppendBase32Fixed(key, ino.value());
  return key;
}

Bytes LargeXattrPrefix(Ino home, Ino ino) {
  Bytes key = InPlace(home, 0, 'x', kFixedDigits);
  AppendBase32Fixed(key, ino.value());
  return key;
}

Bytes LargeXattr(Ino home, Ino ino, std::string_view name) {
  Bytes key = LargeXattrPrefix(home, ino);
  for (const char c : name) {
    if (c == '%') {
      key += "%25";
    } else if (c == '/') {
      key += "%2f";
    } else {
      key.push_back(c);
    }
  }
  return key;
}

std::optional<std::string> ParseLargeXattr(ByteView prefix, ByteView key) {
  if (!key.starts_with(prefix)) return std::nullopt;
  std::string name;
  for (ByteView rest = key.substr(prefix.size()); !rest.empty();) {
    if (rest.starts_with("%25")) {
      name.push_back('%');
      rest.remove_prefix(3);
    } else if (rest.starts_with("%2f")) {
      name.push_back('/');
      rest.remove_prefix(3);
    } else if (rest[0] == '%' || rest[0] == '/') {
      return std::nullopt;
    } else {
      name.push_back(rest[0]);
      rest.remove_prefix(1);
    }
  }
  if (name.empty()) return std::nullopt;
  return name;
}

Bytes BlockPrefix(Ino ino, uint64_t generation) {
  return InPlace(ino, generation, 'b');
}

Bytes Block(Ino ino, uint64_t generation, uint64_t index) {
  Bytes key = InPlace(ino, generation, 'b', kFixedDigits);
  AppendBase32Fixed(key, index);
  return key;
}

std::optional<uint64_t> ParseBlock(ByteView key) {
  if (key.size() < kFixedDigits) return std::nullopt;
  return FixedAt(key, key.size() - kFixedDigits);
}

Bytes Volume() {
  return OfVolume('v');
}
Bytes NextIno() {
  return OfVolume('i');
}
Bytes InodesUsed() {
  return OfVolume('n');
}
Bytes BytesUsed() {
  return OfVolume('s');
}
Bytes MoveEpoch() {
  return OfVolume('t');
}

Bytes Orphan(Ino ino) {
  Bytes key = OfVolume('o');
  AppendBase32Fixed(key, ino.value());
  return key;
}
Bytes OrphanPrefix() {
  return OfVolume('o');
}
std::optional<Ino> ParseOrphan(ByteView key) {
  const Bytes prefix = OrphanPrefix();
  if (!key.starts_with(prefix) || key.size() != prefix.size() + kFixedDigits) return std::nullopt;
  const auto ino = FixedAt(key, prefix.size());
  if (!ino) return std::nullopt;
  return Ino{*ino};
}

Bytes Reclaim(Content content) {
  Bytes key = OfVolume('r');
  AppendBase32Fixed(key, content.ino.value());
  AppendBase32Fixed(key, content.generation);
  return key;
}
Bytes ReclaimPrefix() {
  return OfVolume('r');
}
std::optional<Content> ParseReclaim(ByteView key) {
  const Bytes prefix = ReclaimPrefix();
  if (!key.starts_with(prefix) || key.size() != prefix.size() + 2 * kFixedDigits) {
    return std::nullopt;
  }
  const auto ino = FixedAt(key, prefix.size());
  const auto generation = FixedAt(key, prefix.size() + kFixedDigits);
  if (!ino || !generation) return std::nullopt;
  return Content{Ino{*ino}, *generation};
}

std::optional<Under> ParseUnder(ByteView key) {
  if (!key.starts_with('/')) return std::nullopt;
  const size_t second = key.find('/', 1);
  if (second == ByteView::npos) return std::nullopt;
  const size_t third = key.find('/', second + 1);
  if (third == ByteView::npos) return std::nullopt;
  const auto ino = ParseBase32(key.substr(1, second - 1));
  const auto generation = ParseBase32(key.substr(second + 1, third - second - 1));
  if (!ino.ok || !generation.ok) return std::nullopt;
  return Under{Ino(ino.value), generation.value, key.substr(third + 1)};
}

bool IsVolumeKey(ByteView key) {
  return key.starts_with("/~/");
}

std::optional<Ino> ParseBeside(ByteView rest) {
  constexpr size_t kLetterAndIno = 14;
  if (rest.size() < kLetterAndIno) return std::nullopt;
  const auto ino = ParseBase32(rest.substr(1, kLetterAndIno - 1));
  if (!ino.ok) return std::nullopt;
  return Ino(ino.value);
}

}  // namespace metaring::fusefs::keys
