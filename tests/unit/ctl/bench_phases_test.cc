// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_phases.h"

#include <gtest/gtest.h>

#include <string>

namespace metaring::ctl {
namespace {

TEST(BenchPhases, AllIsEveryPhaseInOrder) {
  const auto phases = ParsePhases("all");
  ASSERT_TRUE(phases);
  ASSERT_EQ(phases->size(), AllPhases().size());
  for (size_t i = 0; i < phases->size(); ++i) EXPECT_EQ((*phases)[i], AllPhases()[i].phase);
}

TEST(BenchPhases, ListIsSortedIntoTheOrderOfPhasesWithoutRepeats) {
  const auto phases = ParsePhases("unlink,create,unlink,stat-hot");
  ASSERT_TRUE(phases);
  EXPECT_EQ(*phases, (std::vector<Phase>{Phase::kCreate, Phase::kStatHot, Phase::kUnlink}));
}

TEST(BenchPhases, EachNameMeansItsPhase) {
  for (const PhaseInfo& info : AllPhases()) {
    const auto phases = ParsePhases(info.name);
    ASSERT_TRUE(phases) << info.name;
    EXPECT_EQ(*phases, std::vector<Phase>{info.phase});
    EXPECT_EQ(InfoOf(info.phase).name, info.name);
  }
}

TEST(BenchPhases, UnknownWordIsNamed) {
  for (const std::string list : {"creat", "create,creat", "create,,creat"}) {
    const auto phases = ParsePhases(list);
    ASSERT_FALSE(phases) << list;
    EXPECT_EQ(phases.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_NE(ParsePhases("create,creat").error().message.find("'creat'"), std::string::npos);
}

TEST(BenchPhases, EmptyListIsRefused) {
  EXPECT_FALSE(ParsePhases(""));
  EXPECT_FALSE(ParsePhases("create,"));
}

}  // namespace
}  // namespace metaring::ctl
