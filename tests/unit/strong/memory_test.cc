// SPDX-License-Identifier: Apache-2.0
//
// What an idle group costs a node, all told: the objects, what they hold on the heap as the
// allocator rounds it up, and its share of the engine's maps. A program of its own: live_bytes.h.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <vector>

#include "tests/unit/base/live_bytes.h"
#include "tests/unit/strong/cluster.h"

namespace metaring::strong {
namespace {

// All told. The design wants 512 B for core and driver without maps; a follower's are about 60 B
// above that, and a leader's are what it knows of its members above it.
constexpr size_t kFollowerBytesMax = 720;
constexpr size_t kLeaderBytesMax = 960;

// What `groups` idle groups and their engine hold, for each of three nodes, the leader's first.
std::vector<size_t> BytesOf(uint16_t groups) {
  Cluster cluster(3);
  for (uint16_t slot = 0; slot < groups; ++slot) {
    cluster.Create({1, 2, 3}, GroupOf(ClassId(1), SlotId(slot)));
  }
  cluster.Run(10'000);
  std::vector<size_t> bytes;
  for (uint64_t id = 1; id <= 3; ++id) {
    for (const GroupId group : cluster.engine(id).Groups()) {
      EXPECT_NE(cluster.engine(id).Look(group)->leader, NodeId());
    }
    const size_t before = LiveBytes();
    cluster.node(id).StopEngine();
    bytes.push_back(before - LiveBytes());
  }
  return bytes;
}

// A leader keeps what it knows of its members, so it is larger than a follower.
TEST(Memory, AnIdleGroupIsSmall) {
  constexpr uint16_t kFew = 100;
  constexpr uint16_t kMany = 500;
  const std::vector<size_t> few = BytesOf(kFew);
  const std::vector<size_t> many = BytesOf(kMany);
  for (size_t i = 0; i < few.size(); ++i) {
    const size_t each = (many[i] - few[i]) / (kMany - kFew);
    std::cout << "an idle group on node " << i + 1 << ": " << each << " B\n";
    EXPECT_LE(each, i == 0 ? kLeaderBytesMax : kFollowerBytesMax);
  }
}

}  // namespace
}  // namespace metaring::strong
