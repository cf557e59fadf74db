// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/logging.h"

#include <gtest/gtest.h>

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
