// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/read_cache.h"

#include <gtest/gtest.h>

namespace metaring::client {
namespace {

using state::Record;

class ReadCacheTest : public ::testing::Test {
 protected:
  void Keep(const Bytes& key, const Bytes& value) {
    cache_.Keep(cache_.Begin(key), key, Record{value, {}, 1});
  }
  bool Has(const Bytes& key) { return cache_.Find(key).has_value(); }

  ManualClock clock_;
  ReadCache cache_{{10'000, std::chrono::milliseconds(100)}, clock_};
};

TEST_F(ReadCacheTest, GivesWhatWasKept) {
  EXPECT_FALSE(Has("k"));
  Keep("k", "v");
  EXPECT_EQ((*cache_.Find("k"))->value, "v");
  Keep("k", "w");
  EXPECT_EQ((*cache_.Find("k"))->value, "w");
}

TEST_F(ReadCacheTest, KnowsThatAKeyIsMissing) {
  cache_.Keep(cache_.Begin("k"), "k", std::nullopt);
  ASSERT_TRUE(Has("k"));
  EXPECT_FALSE(cache_.Find("k")->has_value());
}

TEST_F(ReadCacheTest, ForgetsAfterTheTimeToLiveOfTheReadsBeginning) {
  const ReadCache::Ticket ticket = cache_.Begin("k");
  clock_.Advance(60'000'000);
  cache_.Keep(ticket, "k", Record{"v", {}, 1});
  clock_.Advance(39'000'000);
  EXPECT_TRUE(Has("k"));
  clock_.Advance(1'000'000);
  EXPECT_FALSE(Has("k"));
  EXPECT_EQ(cache_.bytes(), 0U);
}

TEST_F(ReadCacheTest, AWriteDropsTheKeyAndReadsThatWereUnderWay) {
  Keep("k", "old");
  const ReadCache::Ticket ticket = cache_.Begin("k");
  cache_.Drop("k");
  EXPECT_FALSE(Has("k"));
  cache_.Keep(ticket, "k", Record{"old", {}, 1});
  EXPECT_FALSE(Has("k"));
  Keep("k", "new");
  EXPECT_TRUE(Has("k"));
}

TEST_F(ReadCacheTest, IsBoundedAndLosesTheLeastRecentlyUsed) {
  for (int i = 0; i < 8; ++i) Keep(std::to_string(i), Bytes(1000, 'v'));
  EXPECT_TRUE(Has("0"));
  for (int i = 8; i < 15; ++i) Keep(std::to_string(i), Bytes(1000, 'v'));
  EXPECT_TRUE(Has("0"));
  EXPECT_FALSE(Has("1"));
  EXPECT_LE(cache_.bytes(), 10'000U);
}

TEST_F(ReadCacheTest, DoesNotKeepWhatWouldDriveOutTheRest) {
  Keep("small", "v");
  Keep("large", Bytes(5000, 'v'));
  EXPECT_FALSE(Has("large"));
  EXPECT_TRUE(Has("small"));
}

TEST_F(ReadCacheTest, IsOffWithoutBytes) {
  ReadCache off({0, std::chrono::milliseconds(100)}, clock_);
  off.Keep(off.Begin("k"), "k", std::nullopt);
  EXPECT_FALSE(off.Find("k"));
}

}  // namespace
}  // namespace metaring::client
