// SPDX-License-Identifier: Apache-2.0
//
// StrongId: integers that cannot be mistaken for one another. An Ino is not a Lsn, although both
// are 64 bits; each id type is declared beside the thing that it names.
#ifndef METARING_KVNODE_BASE_IDS_H_
#define METARING_KVNODE_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <functional>

namespace metaring {

template <typename Tag, typename Int = uint64_t>
class StrongId {
 public:
  using Integer = Int;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Int v) : value_(v) {}
  constexpr Int value() const { return value_; }
  // NOLINTNEXTLINE(modernize-use-nullptr): version 14 takes the literal 0 of the default for one.
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Int value_ = 0;
};

using KeyspaceId = StrongId<struct KeyspaceIdTag, uint32_t>;
// A node of the cluster. Never reused; zero is nobody.
using NodeId = StrongId<struct NodeIdTag>;
// An arc of the ring: what has replicas.
using SlotId = StrongId<struct SlotIdTag, uint16_t>;
// What has a log of its own: a Raft group, or an embedded store.
using GroupId = StrongId<struct GroupIdTag, uint32_t>;

}  // namespace metaring

template <typename Tag, typename Int>
struct std::hash<metaring::StrongId<Tag, Int>> {
  size_t operator()(metaring::StrongId<Tag, Int> id) const {
    return std::hash<Int>()(id.value() * Int{0x9E3779B1});
  }
};

#endif  // METARING_KVNODE_BASE_IDS_H_
