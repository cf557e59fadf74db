// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/request_ids.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "kvnode/base/random.h"

namespace metaring::client {
namespace {

using state::kOutcomesPerClientMax;
using state::RequestId;

TEST(RequestIds, CountsUpAndKnowsTheLowestThatHasNotEnded) {
  RequestIds ids(7);
  const RequestId first = *ids.Begin();
  const RequestId second = *ids.Begin();
  EXPECT_NE(first.client, 0U);
  EXPECT_EQ(first.client, second.client);
  EXPECT_EQ(first.sequence, 1U);
  EXPECT_EQ(second.sequence, 2U);
  EXPECT_EQ(second.lowest_outstanding, 1U);
  ids.End(second);
  EXPECT_EQ(ids.Begin()->lowest_outstanding, 1U);
  ids.End(first);
  EXPECT_EQ(ids.Begin()->lowest_outstanding, 3U);
}

TEST(RequestIds, TakesAnotherLaneWhenOneWriteDoesNotEnd) {
  RequestIds ids(7);
  const RequestId stuck = *ids.Begin();
  std::set<uint64_t> clients;
  for (size_t i = 1; i < kOutcomesPerClientMax; ++i) {
    const RequestId id = *ids.Begin();
    EXPECT_EQ(id.client, stuck.client);
    ids.End(id);
  }
  const RequestId other = *ids.Begin();
  EXPECT_NE(other.client, stuck.client);
  EXPECT_EQ(other.sequence, 1U);
  ids.End(stuck);
  const RequestId back = *ids.Begin();
  EXPECT_EQ(back.client, stuck.client);
  EXPECT_EQ(back.lowest_outstanding, kOutcomesPerClientMax + 1);
}

TEST(RequestIds, AreBounded) {
  RequestIds ids(7);
  std::vector<RequestId> all;
  for (size_t i = 0; i < RequestIds::kLanesMax * kOutcomesPerClientMax; ++i) {
    const auto id = ids.Begin();
    ASSERT_TRUE(id);
    all.push_back(*id);
  }
  EXPECT_EQ(ids.Begin().error().code, ErrorCode::kBusy);
  ids.End(all.front());
  EXPECT_TRUE(ids.Begin());
}

TEST(RequestIds, NeverSpanMoreThanNodesKeepAndNeverRepeat) {
  RequestIds ids(7);
  Random random(1);
  std::vector<RequestId> open;
  std::map<uint64_t, std::set<uint64_t>> open_of;
  std::set<std::pair<uint64_t, uint64_t>> seen;
  for (int i = 0; i < 50'000; ++i) {
    if (open.size() < 600 && !random.OneIn(3)) {
      const RequestId id = *ids.Begin();
      EXPECT_TRUE(seen.emplace(id.client, id.sequence).second);
      open_of[id.client].insert(id.sequence);
      ASSERT_EQ(id.lowest_outstanding, *open_of[id.client].begin());
      ASSERT_LE(id.sequence - id.lowest_outstanding, kOutcomesPerClientMax - 1);
      open.push_back(id);
    } else if (!open.empty()) {
      std::swap(open[random.Below(open.size())], open.back());
      ids.End(open.back());
      open_of[open.back().client].erase(open.back().sequence);
      open.pop_back();
    }
  }
}

}  // namespace
}  // namespace metaring::client
