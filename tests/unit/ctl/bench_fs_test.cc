// SPDX-License-Identifier: Apache-2.0
//
// The benchmark on a directory of the machine that runs the test: what it does, not how fast.
#include "kvnode/ctl/bench_fs.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

namespace metaring::ctl {
namespace {

class FsBenchTest : public testing::Test {
 protected:
  FsBenchTest() {
    std::string name = testing::TempDir() + "bench_fs_test-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    options_.directory = name;
    options_.threads = 2;
    options_.files = 20;
    options_.drop_caches = false;
    options_.phases = *ParsePhases("all");
  }
  ~FsBenchTest() override { std::filesystem::remove_all(options_.directory); }

  bool DirectoryIsEmpty() const { return std::filesystem::is_empty(options_.directory); }
  // Figures of the phases that ran, each with one operation a file.
  void ExpectAllRan(const FsBenchReport& report, uint64_t ops) const {
    ASSERT_FALSE(report.error) << report.error->message;
    ASSERT_EQ(report.results.size(), options_.phases.size());
    for (size_t i = 0; i < report.results.size(); ++i) {
      const PhaseResult& result = report.results[i];
      EXPECT_EQ(result.phase, options_.phases[i]);
      if (result.skipped) continue;
      EXPECT_EQ(result.ops, ops) << InfoOf(result.phase).name;
      EXPECT_EQ(result.latency.count(), ops);
    }
  }

  FsBenchOptions options_;
};

TEST_F(FsBenchTest, RunsAllPhasesAndLeavesNothing) {
  ExpectAllRan(RunFsBench(options_, {}), 40);
  EXPECT_TRUE(DirectoryIsEmpty());
}

TEST_F(FsBenchTest, RunsAllPhasesInASharedDirectoryWithFsync) {
  options_.shared = true;
  options_.fsync = true;
  ExpectAllRan(RunFsBench(options_, {}), 40);
  EXPECT_TRUE(DirectoryIsEmpty());
}

TEST_F(FsBenchTest, EachPhaseAloneMakesWhatItNeeds) {
  for (const PhaseInfo& info : AllPhases()) {
    options_.phases = {info.phase};
    ExpectAllRan(RunFsBench(options_, {}), 40);
    EXPECT_TRUE(DirectoryIsEmpty()) << info.name;
  }
}

TEST_F(FsBenchTest, DoesNotTouchWhatIsThere) {
  const std::string mine = options_.directory + "/mine";
  std::ofstream(mine) << "text";
  ExpectAllRan(RunFsBench(options_, {}), 40);
  EXPECT_EQ(std::filesystem::file_size(mine), 4U);
}

TEST_F(FsBenchTest, KeepLeavesTheFiles) {
  options_.keep = true;
  options_.phases = {Phase::kCreate};
  const FsBenchReport report = RunFsBench(options_, {});
  ExpectAllRan(report, 40);
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(report.work_directory)) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 40U);
}

TEST_F(FsBenchTest, MissingDirectoryIsAnErrorWithItsPath) {
  FsBenchOptions options = options_;
  options.directory += "/missing";
  const FsBenchReport report = RunFsBench(options, {});
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, ErrorCode::kNotFound);
  EXPECT_NE(report.error->message.find(options.directory), std::string::npos);
}

TEST_F(FsBenchTest, FileInsteadOfADirectoryIsAnError) {
  const std::string file = options_.directory + "/file";
  std::ofstream{file};
  FsBenchOptions options = options_;
  options.directory = file;
  const FsBenchReport report = RunFsBench(options, {});
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, ErrorCode::kInvalidArgument);
}

// Takes the files away between two phases, so that the next one fails in the middle of its work.
TEST_F(FsBenchTest, FailedPhaseEndsTheRunAndStillCleansUp) {
  options_.phases = {Phase::kCreate, Phase::kChmod, Phase::kUnlink};
  FsBenchWatcher watcher;
  watcher.on_result = [&](const PhaseResult&) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.directory)) {
      if (entry.is_regular_file()) std::filesystem::remove(entry.path());
    }
  };
  const FsBenchReport report = RunFsBench(options_, watcher);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, ErrorCode::kNotFound);
  EXPECT_EQ(report.error->message.find("chmod: "), 0U);
  EXPECT_EQ(report.results.size(), 1U);
  EXPECT_TRUE(DirectoryIsEmpty());
}

TEST_F(FsBenchTest, SignalEndsTheRunAndStillCleansUp) {
  FsBenchWatcher watcher;
  watcher.on_result = [](const PhaseResult&) { pthread_kill(pthread_self(), SIGINT); };
  options_.files = 2000;
  const FsBenchReport report = RunFsBench(options_, watcher);
  EXPECT_EQ(report.signal, SIGINT);
  EXPECT_FALSE(report.error);
  EXPECT_LT(report.results.size(), options_.phases.size());
  EXPECT_TRUE(DirectoryIsEmpty());
}

}  // namespace
}  // namespace metaring::ctl
