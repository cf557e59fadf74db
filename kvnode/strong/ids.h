// SPDX-License-Identifier: Apache-2.0
//
// Names of groups. A group replicates one slot of one replica class: all strong keyspaces that have
// equal replica counts and write_ack. So its id is those two numbers, and nobody has to look it up.
#ifndef METARING_KVNODE_STRONG_IDS_H_
#define METARING_KVNODE_STRONG_IDS_H_

#include <cstdint>

#include "kvnode/base/ids.h"

namespace metaring::strong {

// Given out by the cluster map, never used again. Class 0 is that of the map itself.
using ClassId = StrongId<struct ClassIdTag, uint16_t>;

constexpr GroupId GroupOf(ClassId replica_class, SlotId slot) {
  return GroupId(uint32_t{replica_class.value()} << 16 | slot.value());
}
constexpr ClassId ClassOf(GroupId group) {
  return ClassId(static_cast<uint16_t>(group.value() >> 16));
}
constexpr SlotId SlotOf(GroupId group) {
  return SlotId(static_cast<uint16_t>(group.value() & 0xffff));
}

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_IDS_H_
