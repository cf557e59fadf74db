// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/slot.h"

#include "kvnode/base/check.h"

namespace metaring::placement {

ByteView HashedPart(Placement placement, ByteView key) {
  if (placement == Placement::kKey) return key;
  const size_t slash = key.rfind('/');
  return slash == ByteView::npos ? ByteView() : key.substr(0, slash + 1);
}

SlotId SlotOf(Placement placement, ByteView key, uint32_t ring_size) {
  CHECK(ring_size >= 1 && ring_size <= kRingSizeMax);
  return SlotId(static_cast<uint16_t>(Xxh3(HashedPart(placement, key)) % ring_size));
}

}  // namespace metaring::placement
