// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/logging.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "kvnode/base/check.h"

namespace metaring {
namespace {

std::string ContentOf(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

// Logging is of the process: each test that sets it up has a process of its own.
template <typename Function>
void InChildProcess(Function function) {
  EXPECT_EXIT(
      {
        function();
        std::exit(::testing::Test::HasFailure() ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "");
}

class LoggingTest : public ::testing::Test {
 protected:
  void SetUp() override { std::remove(path_.c_str()); }
  void TearDown() override { std::remove(path_.c_str()); }
  const std::string path_ = ::testing::TempDir() + "metaring_logging_test.log";
};

TEST_F(LoggingTest, LinesFromTheLevelOnGoToTheFile) {
  InChildProcess([&] {
    ASSERT_TRUE(InitLogging(path_, LogLevel::kWarn));
    EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
    EXPECT_TRUE(LogEnabled(LogLevel::kWarn));
    LogInfo("part", "not {}", "wanted");
    LogWarn("part", "a {} line", "warning");
    LogError("part", "braces {{}} of {}", "{names} stay");
  });
  const std::string content = ContentOf(path_);
  EXPECT_EQ(content.find("wanted"), std::string::npos);
  EXPECT_NE(content.find(" warning part: a warning line\n"), std::string::npos) << content;
  EXPECT_NE(content.find(" error part: braces {} of {names} stay\n"), std::string::npos) << content;
}

TEST_F(LoggingTest, FieldsFollowTheMessage) {
  InChildProcess([&] {
    ASSERT_TRUE(InitLogging(path_, LogLevel::kInfo));
    LogLine(LogLevel::kInfo, "audit", "denied",
            {{"peer", "alice"}, {"count", 7}, {"empty", ""}, {"text", "two \"words\""}});
  });
  EXPECT_NE(ContentOf(path_).find(
                " info audit: denied peer=alice count=7 empty=\"\" text=\"two \\\"words\\\"\"\n"),
            std::string::npos)
      << ContentOf(path_);
}

TEST_F(LoggingTest, JsonIsOneObjectALine) {
  InChildProcess([&] {
    ASSERT_TRUE(InitLogging(path_, LogLevel::kInfo, LogFormat::kJson));
    LogLine(LogLevel::kWarn, "audit", "de\"nied\n", {{"peer", "\\x00"}, {"count", 7}});
  });
  const std::string content = ContentOf(path_);
  EXPECT_TRUE(content.starts_with("{\"time\":\"2")) << content;
  EXPECT_NE(content.find(R"("level":"warning","component":"audit","message":"de\"nied\u000a",)"
                         R"("peer":"\\x00","count":"7"})"
                         "\n"),
            std::string::npos)
      << content;
}

TEST_F(LoggingTest, ARenamedFileIsLeftWhenTheLogIsOpenedAnew) {
  const std::string moved = path_ + ".1";
  InChildProcess([&] {
    ASSERT_TRUE(InitLogging(path_, LogLevel::kInfo));
    LogInfo("part", "first");
    ASSERT_EQ(std::rename(path_.c_str(), moved.c_str()), 0);
    ASSERT_TRUE(ReopenLog());
    LogInfo("part", "second");
  });
  EXPECT_NE(ContentOf(moved).find("part: first\n"), std::string::npos);
  EXPECT_EQ(ContentOf(moved).find("second"), std::string::npos);
  EXPECT_NE(ContentOf(path_).find("part: second\n"), std::string::npos);
  std::remove(moved.c_str());
}

TEST_F(LoggingTest, LevelChangesAtAnyTime) {
  InChildProcess([&] {
    ASSERT_TRUE(InitLogging(path_, LogLevel::kInfo));
    SetLogLevel(LogLevel::kError);
    LogWarn("part", "unwanted");
    SetLogLevel(LogLevel::kDebug);
    LogDebug("part", "wanted");
  });
  EXPECT_EQ(ContentOf(path_).find("unwanted"), std::string::npos);
  EXPECT_NE(ContentOf(path_).find(" debug part: wanted\n"), std::string::npos);
}

// As systemd gives it: JOURNAL_STREAM names what stderr is.
TEST_F(LoggingTest, LinesToTheJournalBeginWithTheirPriority) {
  InChildProcess([&] {
    FILE* const stream = std::freopen(path_.c_str(), "w", stderr);
    ASSERT_NE(stream, nullptr);
    struct stat of_stderr {};
    ASSERT_EQ(::fstat(fileno(stream), &of_stderr), 0);
    const std::string name = fmt::format("{}:{}", of_stderr.st_dev, of_stderr.st_ino);
    ASSERT_EQ(::setenv("JOURNAL_STREAM", name.c_str(), 1), 0);
    ASSERT_TRUE(InitLogging("", LogLevel::kInfo));
    LogWarn("part", "a warning");
    LogInfo("part", "an information");
  });
  EXPECT_EQ(ContentOf(path_), "<4>part: a warning\n<6>part: an information\n");
}

TEST_F(LoggingTest, FileIsAppendedTo) {
  for (const char* line : {"first", "second"}) {
    InChildProcess([&] {
      ASSERT_TRUE(InitLogging(path_, LogLevel::kInfo));
      LogInfo("part", "{}", line);
    });
  }
  const std::string content = ContentOf(path_);
  EXPECT_NE(content.find("first"), std::string::npos);
  EXPECT_NE(content.find("second"), std::string::npos);
}

TEST_F(LoggingTest, UnwritableFileIsAnError) {
  InChildProcess([] {
    const Status status = InitLogging("/proc/no/such/file", LogLevel::kInfo);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("/proc/no/such/file"), std::string::npos);
  });
}

TEST(FatalExitTest, EndsTheProcessAndSaysWhy) {
  EXPECT_EXIT(FatalExit("log", "the disk failed"), ::testing::ExitedWithCode(70),
              "log: the disk failed");
}

TEST(CheckTest, BrokenInvariantAbortsNamingIt) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "broken invariant at .*: 1 \\+ 1 == 3");
  CHECK(1 + 1 == 2);
}

}  // namespace
}  // namespace metaring
