// SPDX-License-Identifier: Apache-2.0
//
// From a key to its slot: slot = xxh3_64(hashed part) mod ring_size (design, "Ring"). The same in
// every client and node, and fixed when the cluster is made: a change of it loses every key.
#ifndef METARING_KVNODE_PLACEMENT_SLOT_H_
#define METARING_KVNODE_PLACEMENT_SLOT_H_

#include <cstdint>

#include "kvnode/base/bytes.h"
#include "kvnode/base/ids.h"
#include "kvnode/placement/keyspace.h"

namespace metaring::placement {

// Slots of a ring.
inline constexpr uint32_t kRingSizeMax = 16'384;
inline constexpr uint32_t kRingSizeDefault = 1'024;
// For each node that is ever expected; with fewer, the balance that README.md promises is lost.
inline constexpr uint32_t kSlotsPerNodeMin = 16;

// A view into `key`: all of it, or for kParent what ends with its last '/' (without one: nothing,
// so that all such keys are in one slot).
ByteView HashedPart(Placement placement, ByteView key);

// `ring_size` is 1 to kRingSizeMax.
SlotId SlotOf(Placement placement, ByteView key, uint32_t ring_size);

}  // namespace metaring::placement

#endif  // METARING_KVNODE_PLACEMENT_SLOT_H_
