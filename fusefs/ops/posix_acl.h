// SPDX-License-Identifier: Apache-2.0
//
// POSIX ACLs (POSIX.1e draft 17; acl(5)) as the values of system.posix_acl_access and
// system.posix_acl_default, in the form of Linux (linux/posix_acl_xattr.h): a little-endian u32
// version 2, then entries of u16 tag, u16 permissions and u32 id.
#ifndef METARING_FUSEFS_OPS_POSIX_ACL_H_
#define METARING_FUSEFS_OPS_POSIX_ACL_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::fusefs {

inline constexpr std::string_view kAccessAclName = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclName = "system.posix_acl_default";

struct AclEntry {
  enum class Tag : uint16_t {
    kUserObj = 0x01,
    kUser = 0x02,
    kGroupObj = 0x04,
    kGroup = 0x08,
    kMask = 0x10,
    kOther = 0x20,
  };
  Tag tag = Tag::kUserObj;
  uint16_t permissions = 0;  // rwx as 4, 2, 1
  uint32_t id = 0xffffffff;  // kUser and kGroup
};

// Valid by acl_valid(3), or empty.
using Acl = std::vector<AclEntry>;

// kInvalidArgument for a wrong form, order, duplicates, missing entries; kUnsupported for a version
// other than 2 (as Linux has it).
Result<Acl> ParseAcl(ByteView raw);
Bytes FormatAcl(const Acl& acl);

// True when the permission bits of a mode say all of it: three entries and no mask.
bool IsMinimal(const Acl& acl);

// The permission bits that an access ACL gives to `mode`; its other bits stay.
uint32_t ModeWithAcl(uint32_t mode, const Acl& acl);

// chmod: the owner, mask (or group, when there is no mask) and other entries get the bits of
// `mode`.
void ApplyModeToAcl(Acl& acl, uint32_t mode);

// A new object below a default ACL: each class has what both the ACL and the asked mode allow.
// `acl` is the default ACL and becomes the access ACL; the returned mode has its bits.
uint32_t InheritAcl(Acl& acl, uint32_t mode);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_POSIX_ACL_H_
