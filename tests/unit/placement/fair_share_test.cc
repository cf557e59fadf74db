// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/fair_share.h"

#include <gtest/gtest.h>

namespace metaring::placement {
namespace {

using Loads = std::vector<double>;

Loads FairOf(const std::vector<WeightedMember>& members, uint32_t replicas) {
  return FairLoads(members, 1200, replicas);
}

TEST(FairLoads, AreInProportionToWeights) {
  EXPECT_EQ(FairOf({{1, 0}, {1, 0}, {1, 0}, {1, 0}}, 3), Loads({900, 900, 900, 900}));
  EXPECT_EQ(FairOf({{2, 0}, {1, 0}, {1, 0}, {2, 0}}, 2), Loads({800, 400, 400, 800}));
}

TEST(FairLoads, NobodyHoldsASlotTwice) {
  EXPECT_EQ(FairOf({{9, 0}, {1, 0}, {1, 0}, {1, 0}}, 3), Loads({1200, 800, 800, 800}));
  EXPECT_EQ(FairOf({{9, 0}, {1, 0}}, 3), Loads({1200, 1200}));
  EXPECT_EQ(FairOf({{5, 0}}, 3), Loads({1200}));
}

TEST(FairLoads, AsManyRacksAsReplicasEachHoldEverySlot) {
  EXPECT_EQ(FairOf({{1, 0}, {1, 0}, {1, 0}, {1, 1}, {2, 2}, {1, 2}}, 3),
            Loads({400, 400, 400, 1200, 800, 400}));
}

TEST(FairLoads, ALargeRackOfManyIsBoundByItsOneReplicaOfEachSlot) {
  EXPECT_EQ(FairOf({{3, 0}, {3, 0}, {1, 1}, {1, 2}, {1, 3}}, 3), Loads({600, 600, 800, 800, 800}));
}

TEST(FairLoads, OfTwoRacksEachHoldsOneReplicaOrTwoOfThree) {
  EXPECT_EQ(FairOf({{1, 0}, {1, 0}, {1, 1}, {1, 1}}, 3), Loads({900, 900, 900, 900}));
  EXPECT_EQ(FairOf({{1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 1}}, 3),
            Loads({480, 480, 480, 480, 480, 1200}));
}

TEST(FairLoads, OfThreeRacksAndFiveReplicasNoneHoldsMoreThanTwo) {
  const std::vector<WeightedMember> members = {{8, 0}, {8, 0}, {8, 0}, {1, 1}, {1, 1}, {1, 2}};
  const Loads loads = FairOf(members, 5);
  EXPECT_EQ(loads, Loads({800, 800, 800, 1200, 1200, 1200}));
}

TEST(FairLoads, OfNobodyIsNothing) {
  EXPECT_EQ(FairOf({}, 3), Loads());
}

}  // namespace
}  // namespace metaring::placement
