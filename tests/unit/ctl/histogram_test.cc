// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kvnode/base/random.h"

namespace metaring::ctl {
namespace {

TEST(Histogram, OfNothingIsZero) {
  const Histogram h;
  EXPECT_EQ(h.count(), 0U);
  EXPECT_EQ(h.max(), 0U);
  EXPECT_EQ(h.Quantile(0.5), 0U);
  EXPECT_EQ(h.Mean(), 0);
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  for (uint64_t v = 0; v < 2 * Histogram::kSubBuckets; ++v) h.Record(v);
  for (uint64_t v = 0; v < 2 * Histogram::kSubBuckets; ++v) {
    const double rank = static_cast<double>(v + 1) / (2 * Histogram::kSubBuckets);
    EXPECT_EQ(h.Quantile(rank), v);
  }
}

TEST(Histogram, MaximumAndMeanAreExact) {
  Histogram h;
  for (const uint64_t v : {1'000'003U, 17U, 999'999'937U}) h.Record(v);
  EXPECT_EQ(h.max(), 999'999'937U);
  EXPECT_EQ(h.Quantile(1), 999'999'937U);
  EXPECT_NEAR(h.Mean(), (1'000'003.0 + 17 + 999'999'937) / 3, 1);
}

TEST(Histogram, TakesTheWholeRangeOf64Bits) {
  Histogram h;
  h.Record(UINT64_MAX);
  h.Record(0);
  EXPECT_EQ(h.Quantile(0.5), 0U);
  EXPECT_EQ(h.Quantile(1), UINT64_MAX);
}

TEST(Histogram, QuantilesAreNotBelowTheTrueOnesAndNearThem) {
  Random random(7);
  Histogram h;
  std::vector<uint64_t> all;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(random.Next() >> random.Below(60));
    h.Record(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const auto rank = static_cast<size_t>(q * static_cast<double>(all.size()));
    const auto exact = static_cast<double>(all[rank - 1]);
    const auto given = static_cast<double>(h.Quantile(q));
    EXPECT_GE(given, exact) << q;
    EXPECT_LE(given, exact * (1 + 1.0 / Histogram::kSubBuckets) + 1) << q;
  }
}

TEST(Histogram, MergedIsAsIfRecordedInOne) {
  Random random(11);
  Histogram a;
  Histogram b;
  Histogram both;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t v = random.Below(1'000'000);
    (i % 3 == 0 ? a : b).Record(v);
    both.Record(v);
  }
  a.Merge(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.max(), both.max());
  EXPECT_EQ(a.Mean(), both.Mean());
  for (const double q : {0.0, 0.25, 0.5, 0.99, 1.0}) EXPECT_EQ(a.Quantile(q), both.Quantile(q));
}

}  // namespace
}  // namespace metaring::ctl
