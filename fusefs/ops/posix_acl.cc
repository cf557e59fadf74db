// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/posix_acl.h"

#include <algorithm>
#include <tuple>

namespace metaring::fusefs {
namespace {

using Tag = AclEntry::Tag;

constexpr uint32_t kVersion = 2;
constexpr size_t kEntryBytes = 8;
constexpr uint32_t kNoId = 0xffffffff;

bool HasId(Tag tag) {
  return tag == Tag::kUser || tag == Tag::kGroup;
}

bool IsTag(uint16_t raw) {
  switch (static_cast<Tag>(raw)) {
    case Tag::kUserObj:
    case Tag::kUser:
    case Tag::kGroupObj:
    case Tag::kGroup:
    case Tag::kMask:
    case Tag::kOther:
      return true;
  }
  return false;
}

AclEntry* Find(Acl& acl, Tag tag) {
  const auto it = std::find_if(acl.begin(), acl.end(), [&](const auto& e) { return e.tag == tag; });
  return it == acl.end() ? nullptr : &*it;
}

// Tags in ascending order, users and groups each once, exactly one of each of the three base
// entries, and a mask when there are named entries.
bool IsValid(const Acl& acl) {
  size_t base = 0;
  bool named = false;
  bool masked = false;
  std::vector<std::pair<Tag, uint32_t>> ids;
  for (size_t i = 0; i < acl.size(); ++i) {
    const AclEntry& entry = acl[i];
    if (entry.permissions > 7) return false;
    if (HasId(entry.tag)) {
      if (entry.id == kNoId) return false;
      named = true;
      ids.emplace_back(entry.tag, entry.id);
    } else if (i > 0 && acl[i - 1].tag == entry.tag) {
      return false;
    }
    if (i > 0 && acl[i - 1].tag > entry.tag) return false;
    masked = masked || entry.tag == Tag::kMask;
    base += entry.tag == Tag::kUserObj || entry.tag == Tag::kGroupObj || entry.tag == Tag::kOther;
  }
  std::sort(ids.begin(), ids.end());
  const bool unique = std::adjacent_find(ids.begin(), ids.end()) == ids.end();
  return unique && base == 3 && (!named || masked);
}

// Both keep only what the other has too; `shift` is the place of the class in the mode.
void Intersect(AclEntry& entry, uint32_t& mode, int shift) {
  const uint32_t both = entry.permissions & (mode >> shift) & 7;
  entry.permissions = static_cast<uint16_t>(both);
  mode = (mode & ~(7u << shift)) | both << shift;
}

}  // namespace

Result<Acl> ParseAcl(ByteView raw) {
  Reader reader(raw);
  const uint32_t version = reader.LittleU32();
  if (!reader.ok() || reader.rest().size() % kEntryBytes != 0) {
    return Fail(ErrorCode::kInvalidArgument, "an ACL of a wrong size");
  }
  if (version != kVersion) return Fail(ErrorCode::kUnsupported, "an ACL of an unknown version");
  Acl acl;
  acl.reserve(reader.rest().size() / kEntryBytes);
  while (!reader.Done()) {
    const uint32_t head = reader.LittleU32();
    const uint32_t id = reader.LittleU32();
    const auto tag = static_cast<uint16_t>(head);
    if (!IsTag(tag)) return Fail(ErrorCode::kInvalidArgument, "an ACL entry of an unknown tag");
    const auto known = static_cast<Tag>(tag);
    acl.push_back({known, static_cast<uint16_t>(head >> 16), HasId(known) ? id : kNoId});
  }
  if (!acl.empty() && !IsValid(acl)) return Fail(ErrorCode::kInvalidArgument, "not a valid ACL");
  return acl;
}

Bytes FormatAcl(const Acl& acl) {
  Bytes raw;
  raw.reserve(4 + acl.size() * kEntryBytes);
  AppendLittleU32(raw, kVersion);
  for (const AclEntry& entry : acl) {
    AppendLittleU32(
        raw, static_cast<uint32_t>(entry.permissions) << 16 | static_cast<uint32_t>(entry.tag));
    AppendLittleU32(raw, entry.id);
  }
  return raw;
}

bool IsMinimal(const Acl& acl) {
  return std::all_of(acl.begin(), acl.end(), [](const AclEntry& entry) {
    return !HasId(entry.tag) && entry.tag != Tag::kMask;
  });
}

uint32_t ModeWithAcl(uint32_t mode, const Acl& acl) {
  uint32_t user = 0;
  uint32_t group = 0;
  uint32_t other = 0;
  for (const AclEntry& entry : acl) {
    if (entry.tag == Tag::kUserObj) user = entry.permissions;
    // The mask comes after the group's entry and takes its place.
    if (entry.tag == Tag::kGroupObj || entry.tag == Tag::kMask) group = entry.permissions;
    if (entry.tag == Tag::kOther) other = entry.permissions;
  }
  return (mode & ~0777u) | user << 6 | group << 3 | other;
}

void ApplyModeToAcl(Acl& acl, uint32_t mode) {
  AclEntry* group = Find(acl, Tag::kMask);
  if (group == nullptr) group = Find(acl, Tag::kGroupObj);
  for (const auto& [entry, shift] :
       {std::pair{Find(acl, Tag::kUserObj), 6}, {group, 3}, {Find(acl, Tag::kOther), 0}}) {
    if (entry != nullptr) entry->permissions = static_cast<uint16_t>(mode >> shift & 7);
  }
}

uint32_t InheritAcl(Acl& acl, uint32_t mode) {
  AclEntry* group = Find(acl, Tag::kMask);
  if (group == nullptr) group = Find(acl, Tag::kGroupObj);
  for (const auto& [entry, shift] :
       {std::pair{Find(acl, Tag::kUserObj), 6}, {group, 3}, {Find(acl, Tag::kOther), 0}}) {
    if (entry != nullptr) Intersect(*entry, mode, shift);
  }
  return mode;
}

}  // namespace metaring::fusefs
