// SPDX-License-Identifier: Apache-2.0
#include "kvnode/raft/log_view.h"

#include <gtest/gtest.h>

#include <vector>

#include "kvnode/base/random.h"

namespace metaring::raft {
namespace {

// A log of these terms, from index 1 on.
LogView LogOf(const std::vector<uint64_t>& terms) {
  LogView log;
  for (const uint64_t term : terms) log.Append(Next(log.last_index()), Term(term));
  return log;
}

TEST(LogView, KeepsARunForEachTermAndNotAnEntry) {
  LogView log;
  log.Append(LogIndex(1'000'000'000), Term(1));
  log.Append(LogIndex(2'000'000'000), Term(4));
  EXPECT_EQ(log.runs().size(), 3u);  // the base has one too
  EXPECT_EQ(log.TermAt(LogIndex(1'000'000'000)), Term(1));
  EXPECT_EQ(log.TermAt(LogIndex(1'000'000'001)), Term(4));
}

TEST(LogView, KnowsNoTermOutsideOfItself) {
  LogView log(LogIndex(5), Term(2));
  log.Append(LogIndex(7), Term(3));
  EXPECT_EQ(log.TermAt(LogIndex(4)), std::nullopt);
  EXPECT_EQ(log.TermAt(LogIndex(5)), Term(2));
  EXPECT_EQ(log.TermAt(LogIndex(8)), std::nullopt);
}

TEST(LogView, ALaterLastTermIsMoreUpToDate) {
  const LogView log = LogOf({1, 1, 2});
  EXPECT_TRUE(log.IsUpToDate(LogIndex(1), Term(3)));
  EXPECT_FALSE(log.IsUpToDate(LogIndex(100), Term(1)));
}

TEST(LogView, OfEqualLastTermsTheLongerLogIsMoreUpToDate) {
  const LogView log = LogOf({1, 1, 2});
  EXPECT_TRUE(log.IsUpToDate(LogIndex(3), Term(2)));
  EXPECT_FALSE(log.IsUpToDate(LogIndex(2), Term(2)));
}

TEST(LogView, RefusesFromTheWireWhatIsNoLog) {
  const auto from = [](std::vector<TermRun> runs, uint64_t last) {
    return LogView::FromRuns(std::move(runs), LogIndex(last)).has_value();
  };
  const TermRun base{LogIndex(4), Term(2)};
  EXPECT_TRUE(from({base, {LogIndex(5), Term(3)}}, 9));
  EXPECT_FALSE(from({}, 0));
  EXPECT_FALSE(from({base}, 3));
  EXPECT_FALSE(from({base, {LogIndex(5), Term(1)}}, 9)) << "a term falls";
  EXPECT_FALSE(from({base, {LogIndex(4), Term(3)}}, 9)) << "an index has two terms";
  EXPECT_FALSE(from({base, {LogIndex(10), Term(3)}}, 9)) << "a run behind the end";
  EXPECT_FALSE(from({base}, kLogIndexMax + 1));
  EXPECT_FALSE(from({{LogIndex(0), Term(kTermMax + 1)}}, 9));
  std::vector<TermRun> many;
  for (uint64_t i = 0; i <= kTermRunsMax; ++i) many.push_back({LogIndex(i), Term(i)});
  EXPECT_FALSE(from(many, kTermRunsMax));
}

TEST(LogView, TakesNoFurtherTermWhenItsRunsAreFull) {
  LogView log;
  while (log.HasRoomFor(Term(log.last_term().value() + 1))) {
    log.Append(Next(log.last_index()), Term(log.last_term().value() + 1));
  }
  EXPECT_EQ(log.runs().size(), kTermRunsMax);
  EXPECT_TRUE(log.HasRoomFor(log.last_term()));
  log.CompactTo(log.last_index());
  EXPECT_TRUE(log.HasRoomFor(Term(log.last_term().value() + 1)));
}

// The model: a vector with the term of each index.
class LogViewModel : public testing::TestWithParam<uint64_t> {};

TEST_P(LogViewModel, AgreesWithAVectorOfTerms) {
  Random random(GetParam());
  LogView log;
  std::vector<uint64_t> terms{0};  // from `base` on
  uint64_t base = 0;
  for (int step = 0; step < 2000; ++step) {
    const uint64_t last = base + terms.size() - 1;
    switch (random.Below(4)) {
      case 0:
      case 1: {
        const uint64_t term = terms.back() + (random.OneIn(3) ? random.Below(3) : 0);
        const uint64_t count = 1 + random.Below(5);
        log.Append(LogIndex(last + count), Term(term));
        terms.insert(terms.end(), count, term);
        break;
      }
      case 2:
        if (last > base) {
          const uint64_t from = base + 1 + random.Below(last - base);
          log.TruncateFrom(LogIndex(from));
          terms.resize(from - base);
        }
        break;
      default:
        if (random.OneIn(8)) {
          const uint64_t to = base + random.Below(terms.size());
          log.CompactTo(LogIndex(to));
          terms.erase(terms.begin(), terms.begin() + static_cast<std::ptrdiff_t>(to - base));
          base = to;
        }
    }
    ASSERT_EQ(log.base().value(), base);
    ASSERT_EQ(log.last_index().value(), base + terms.size() - 1);
    const uint64_t index = base + random.Below(terms.size());
    ASSERT_EQ(log.TermAt(LogIndex(index))->value(), terms[index - base]);
    const uint64_t bound = random.Below(terms.back() + 2);
    uint64_t expected = index;
    while (expected > base && terms[expected - base] > bound) --expected;
    ASSERT_EQ(log.LastAtMost(LogIndex(index), Term(bound)).value(), expected);
    const LogView slice = log.Slice(LogIndex(index), log.last_index());
    ASSERT_EQ(log.FirstDifference(slice, LogIndex(index)), Next(log.last_index()));
    ASSERT_EQ(LogView::FromRuns(slice.runs(), slice.last_index()), slice);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogViewModel, testing::Range<uint64_t>(0, 8));

TEST(LogView, FindsTheFirstDifference) {
  const LogView mine = LogOf({1, 1, 2, 2, 2});
  const auto first = [&](const std::vector<uint64_t>& theirs) {
    return mine.FirstDifference(LogOf(theirs), LogIndex(0)).value();
  };
  EXPECT_EQ(first({1, 1, 2}), 4u);
  EXPECT_EQ(first({1, 1, 3}), 3u);
  EXPECT_EQ(first({1, 1, 1, 1}), 3u);
  EXPECT_EQ(first({1, 1, 2, 2, 2, 2, 2}), 6u);
}

}  // namespace
}  // namespace metaring::raft
