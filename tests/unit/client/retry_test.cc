// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/retry.h"

#include <gtest/gtest.h>

#include <optional>

namespace metaring::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using TimePoint = Retry::TimePoint;

struct Case {
  Failure failure;
  // What a read, a write with an id, and one without come to; nothing: it is tried again.
  std::optional<ErrorCode> read;
  std::optional<ErrorCode> write;
  std::optional<ErrorCode> once;
};

Failure Said(ErrorCode code) {
  return {{code, "said"}, false, code == ErrorCode::kUnavailable};
}
Failure Lost(ErrorCode code) {
  return {{code, "lost"}, true, false};
}
Failure Wrong(size_t node) {
  return {{ErrorCode::kFormatMismatch, "another cluster"}, false, true, node};
}
Failure Down(size_t node) {
  return {{ErrorCode::kUnavailable, "down"}, false, true, node};
}

class RetryTest : public ::testing::Test {
 protected:
  static constexpr size_t kNodes = 3;

  Retry::Verdict After(Retry& retry, const Failure& failure, milliseconds at = milliseconds(1)) {
    return retry.After(failure, began_ + at, kNodes, random_);
  }
  Retry Make(Repeatable repeatable, milliseconds deadline = seconds(30)) {
    return {repeatable, began_, began_ + deadline, {}};
  }
  std::optional<ErrorCode> OutcomeOf(Repeatable repeatable, const Failure& failure) {
    Retry retry = Make(repeatable);
    const Retry::Verdict verdict = After(retry, failure);
    if (verdict.again) return std::nullopt;
    return verdict.error.code;
  }

  const TimePoint began_ = TimePoint(std::chrono::hours(5));
  Random random_{3};
};

TEST_F(RetryTest, TheEndOfTheTimeSaysWhatWasWrongBefore) {
  Retry retry = Make(Repeatable::kAlways);
  const Failure late{{ErrorCode::kDeadlineExceeded, "no reply in time"}, true, false};
  EXPECT_EQ(After(retry, late).error.message, "no reply in time");
  EXPECT_TRUE(After(retry, Down(0)).again);
  EXPECT_EQ(After(retry, late).error.message, "no reply in time; before: down");
  EXPECT_EQ(retry.Final({ErrorCode::kDeadlineExceeded, "over"}).message, "over; before: down");
}

TEST_F(RetryTest, TheMatrix) {
  using E = ErrorCode;
  const std::optional<E> again;
  const Case cases[] = {
      // A node has answered; nothing of this is done.
      {Said(E::kInvalidArgument), E::kInvalidArgument, E::kInvalidArgument, E::kInvalidArgument},
      {Said(E::kNotFound), E::kNotFound, E::kNotFound, E::kNotFound},
      {Said(E::kPermissionDenied), E::kPermissionDenied, E::kPermissionDenied,
       E::kPermissionDenied},
      {Said(E::kTooBig), E::kTooBig, E::kTooBig, E::kTooBig},
      {Said(E::kNoSpace), E::kNoSpace, E::kNoSpace, E::kNoSpace},
      {Said(E::kStale), E::kStale, E::kStale, E::kStale},
      {Said(E::kUnsupported), E::kUnsupported, E::kUnsupported, E::kUnsupported},
      {Said(E::kConflict), E::kConflict, E::kConflict, E::kConflict},
      {Said(E::kDeadlineExceeded), E::kDeadlineExceeded, E::kDeadlineExceeded,
       E::kDeadlineExceeded},
      {Said(E::kCorrupt), E::kCorrupt, E::kCorrupt, E::kCorrupt},
      // It may do better next time.
      {Said(E::kBusy), again, again, again},
      {Said(E::kUnavailable), again, again, again},
      // It has forgotten what came of the write.
      {Said(E::kUnknownOutcome), E::kUnavailable, E::kUnknownOutcome, E::kUnknownOutcome},
      // The reply was lost, or is nonsense.
      {Lost(E::kUnknownOutcome), again, again, E::kUnknownOutcome},
      {Lost(E::kDeadlineExceeded), E::kDeadlineExceeded, E::kUnknownOutcome, E::kUnknownOutcome},
      {Lost(E::kCancelled), E::kCancelled, E::kUnknownOutcome, E::kUnknownOutcome},
      {Lost(E::kIo), E::kIo, E::kUnknownOutcome, E::kUnknownOutcome},
      {Lost(E::kInternal), E::kInternal, E::kUnknownOutcome, E::kUnknownOutcome},
  };
  for (const Case& each : cases) {
    const std::string text =
        each.failure.error.message + " " + std::string(ErrorCodeName(each.failure.error.code));
    EXPECT_EQ(OutcomeOf(Repeatable::kAlways, each.failure), each.read) << text;
    EXPECT_EQ(OutcomeOf(Repeatable::kUnderOneId, each.failure), each.write) << text;
    EXPECT_EQ(OutcomeOf(Repeatable::kIfNotBegun, each.failure), each.once) << text;
  }
}

TEST_F(RetryTest, AfterALostReplyOnlyARefusalOfTheRequestItselfIsOne) {
  for (int code = 1; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    Retry retry = Make(Repeatable::kUnderOneId);
    ASSERT_TRUE(After(retry, Lost(ErrorCode::kUnknownOutcome)).again);
    const Retry::Verdict verdict = After(retry, Said(static_cast<ErrorCode>(code)));
    if (verdict.again) continue;
    const bool wrong = code == static_cast<int>(ErrorCode::kInvalidArgument);
    EXPECT_EQ(verdict.error.code, wrong ? ErrorCode::kInvalidArgument : ErrorCode::kUnknownOutcome);
  }
}

TEST_F(RetryTest, TriesEveryNodeBeforeItWaits) {
  Retry retry = Make(Repeatable::kAlways);
  std::chrono::nanoseconds longest{0};
  for (int round = 0; round < 20; ++round) {
    for (size_t node = 0; node < kNodes; ++node) {
      const Retry::Verdict verdict = After(retry, Said(ErrorCode::kUnavailable));
      ASSERT_TRUE(verdict.again);
      EXPECT_EQ(verdict.wait.count() > 0, node + 1 == kNodes);
      longest = std::max(longest, verdict.wait);
    }
  }
  const RetryLimits limits;
  EXPECT_LE(longest, limits.backoff_max);
  EXPECT_GE(longest, limits.backoff_max / 2);
  EXPECT_EQ(retry.attempts(), 60);
}

TEST_F(RetryTest, ABusyNodeIsAskedAgainAfterItsHint) {
  Retry retry = Make(Repeatable::kUnderOneId);
  Failure busy = Said(ErrorCode::kBusy);
  busy.retry_after = milliseconds(200);
  for (int i = 0; i < 5; ++i) {
    const Retry::Verdict verdict = After(retry, busy);
    ASSERT_TRUE(verdict.again);
    EXPECT_GE(verdict.wait, milliseconds(200));
    EXPECT_LE(verdict.wait, milliseconds(250));
  }
}

TEST_F(RetryTest, GivesUpWhenTheWaitWouldEndAfterTheDeadline) {
  Retry retry = Make(Repeatable::kAlways, milliseconds(100));
  Failure busy = Said(ErrorCode::kBusy);
  busy.retry_after = milliseconds(60);
  EXPECT_TRUE(After(retry, busy, milliseconds(10)).again);
  const Retry::Verdict verdict = After(retry, busy, milliseconds(90));
  EXPECT_FALSE(verdict.again);
  EXPECT_EQ(verdict.error.code, ErrorCode::kBusy);
  EXPECT_EQ(verdict.error.message, "said (given up after 2 attempts in 90 ms)");
}

TEST_F(RetryTest, AWriteThatMayBeDoneIsNotRepeatedAfterFiveMinutes) {
  Retry write = Make(Repeatable::kUnderOneId, minutes(60));
  EXPECT_TRUE(After(write, Said(ErrorCode::kUnavailable), minutes(6)).again);
  EXPECT_FALSE(After(write, Lost(ErrorCode::kUnknownOutcome), minutes(6)).again);
  Retry soon = Make(Repeatable::kUnderOneId, minutes(60));
  EXPECT_TRUE(After(soon, Lost(ErrorCode::kUnknownOutcome), minutes(4)).again);
  const Retry::Verdict late = After(soon, Said(ErrorCode::kUnavailable), minutes(5));
  EXPECT_FALSE(late.again);
  EXPECT_EQ(late.error.code, ErrorCode::kUnknownOutcome);
  Retry read = Make(Repeatable::kAlways, minutes(60));
  EXPECT_TRUE(After(read, Lost(ErrorCode::kUnknownOutcome), minutes(6)).again);
}

TEST_F(RetryTest, TheFiveMinutesBeginWithTheFirstAttemptThatMayBeDone) {
  Retry write = Make(Repeatable::kUnderOneId, minutes(60));
  write.Begin(began_);
  EXPECT_TRUE(After(write, Said(ErrorCode::kUnavailable), minutes(20)).again);
  write.Begin(began_ + minutes(20));
  EXPECT_TRUE(After(write, Lost(ErrorCode::kUnknownOutcome), minutes(21)).again);
  write.Begin(began_ + minutes(21));
  EXPECT_TRUE(After(write, Lost(ErrorCode::kUnknownOutcome), minutes(24)).again);
  EXPECT_FALSE(After(write, Lost(ErrorCode::kUnknownOutcome), minutes(25)).again);
}

TEST_F(RetryTest, ANodeThatIsTooBusyToGreetIsNotWrong) {
  Retry retry = Make(Repeatable::kAlways);
  const Failure busy{{ErrorCode::kBusy, "busy"}, false, true, 0};
  EXPECT_TRUE(After(retry, Wrong(1)).again);
  EXPECT_TRUE(After(retry, busy).again);
  EXPECT_TRUE(After(retry, Wrong(2)).again);
}

TEST_F(RetryTest, WrongNodesEndItWhenThereAreNoOthers) {
  Retry retry = Make(Repeatable::kUnderOneId);
  EXPECT_TRUE(After(retry, Wrong(0)).again);
  EXPECT_TRUE(After(retry, Wrong(1)).again);
  EXPECT_TRUE(After(retry, Wrong(1)).again);
  const Retry::Verdict verdict = After(retry, Wrong(2));
  EXPECT_FALSE(verdict.again);
  EXPECT_EQ(verdict.error.code, ErrorCode::kFormatMismatch);
}

TEST_F(RetryTest, AWrongNodeDoesNotEndWhatAGoodOneMayAnswer) {
  Retry retry = Make(Repeatable::kUnderOneId, seconds(10));
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(After(retry, Down(0)).again);
    EXPECT_TRUE(After(retry, Wrong(1)).again);
    EXPECT_TRUE(After(retry, Wrong(2)).again);
  }
  Failure late = Wrong(1);
  late.retry_after = seconds(1);
  EXPECT_TRUE(After(retry, Down(0), milliseconds(9'999)).again);
  EXPECT_TRUE(After(retry, late, milliseconds(9'999)).again);
  const Retry::Verdict verdict = After(retry, late, milliseconds(9'999));
  EXPECT_FALSE(verdict.again);
  EXPECT_EQ(verdict.error.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(verdict.error.message.starts_with("down (given up after"));
}

TEST_F(RetryTest, ANodeThatWasWrongMayBeMended) {
  Retry retry = Make(Repeatable::kAlways);
  EXPECT_TRUE(After(retry, Wrong(0)).again);
  EXPECT_TRUE(After(retry, Down(0)).again);
  EXPECT_TRUE(After(retry, Wrong(1)).again);
  EXPECT_TRUE(After(retry, Wrong(2)).again);
  EXPECT_FALSE(After(retry, Wrong(0)).again);
}

}  // namespace
}  // namespace metaring::client
