// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/slot.h"

#include <gtest/gtest.h>

#include <string>

namespace metaring::placement {
namespace {

TEST(HashedPart, OfPlacementKeyIsTheWholeKey) {
  EXPECT_EQ(HashedPart(Placement::kKey, "/a/b"), "/a/b");
  EXPECT_EQ(HashedPart(Placement::kKey, ""), "");
}

TEST(HashedPart, OfPlacementParentEndsWithTheLastSlash) {
  EXPECT_EQ(HashedPart(Placement::kParent, "/a/b"), "/a/");
  EXPECT_EQ(HashedPart(Placement::kParent, "/a/"), "/a/");
  EXPECT_EQ(HashedPart(Placement::kParent, "/"), "/");
  EXPECT_EQ(HashedPart(Placement::kParent, std::string("\0/\0x", 4)), std::string("\0/", 2));
}

TEST(HashedPart, OfPlacementParentWithoutASlashIsEmpty) {
  EXPECT_EQ(HashedPart(Placement::kParent, "name"), "");
  EXPECT_EQ(HashedPart(Placement::kParent, ""), "");
}

TEST(SlotOf, EntriesOfOneDirectoryShareASlot) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(SlotOf(Placement::kParent, "/dir/0/e" + std::to_string(i), 16'384),
              SlotOf(Placement::kParent, "/dir/0/h", 16'384));
  }
}

// A change of any of these loses the keys of every cluster that exists.
TEST(SlotOf, NeverChanges) {
  EXPECT_EQ(SlotOf(Placement::kKey, "", 1024), SlotId(194));
  EXPECT_EQ(SlotOf(Placement::kKey, "a", 1024), SlotId(543));
  EXPECT_EQ(SlotOf(Placement::kKey, "/dir/0/h", 1024), SlotId(1018));
  EXPECT_EQ(SlotOf(Placement::kKey, "/dir/0/h", 16'384), SlotId(6138));
  EXPECT_EQ(SlotOf(Placement::kParent, "/dir/0/h", 16'384), SlotId(3988));
  EXPECT_EQ(SlotOf(Placement::kKey, std::string(300, 'x'), 16'384), SlotId(13652));
  EXPECT_EQ(SlotOf(Placement::kKey, "anything", 1), SlotId(0));
}

TEST(SlotOf, SpreadsKeysEvenly) {
  constexpr uint32_t kSlots = 64;
  constexpr int kKeys = 64'000;
  std::vector<int> counts(kSlots);
  for (int i = 0; i < kKeys; ++i) {
    ++counts[SlotOf(Placement::kKey, "key-" + std::to_string(i), kSlots).value()];
  }
  for (const int count : counts) EXPECT_NEAR(count, kKeys / kSlots, 5 * 32);  // 5 sigma
}

}  // namespace
}  // namespace metaring::placement
