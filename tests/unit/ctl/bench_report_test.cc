// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace metaring::ctl {
namespace {

PhaseResult SampleResult() {
  PhaseResult result;
  result.phase = Phase::kStatCold;
  result.ops = 4;
  result.seconds = 0.5;
  for (const uint64_t nanos : {1000U, 1000U, 2000U, 50'000U}) result.latency.Record(nanos);
  result.cold = true;
  return result;
}

TEST(BenchReport, JsonHoldsOptionsAndFigures) {
  FsBenchOptions options;
  options.directory = "/somewhere";
  options.threads = 2;
  options.files = 2;
  FsBenchReport report;
  report.filesystem = "ext4";
  report.results = {SampleResult()};
  const auto json = nlohmann::json::parse(JsonReport(options, report));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["benchmark"], "fs");
  EXPECT_EQ(json["directory"], "/somewhere");
  EXPECT_EQ(json["filesystem"], "ext4");
  EXPECT_EQ(json["options"]["threads"], 2);
  EXPECT_EQ(json["options"]["files"], 2);
  ASSERT_EQ(json["results"].size(), 1U);
  const auto& result = json["results"][0];
  EXPECT_EQ(result["phase"], "stat-cold");
  EXPECT_EQ(result["ops"], 4);
  EXPECT_EQ(result["ops_per_second"], 8);
  EXPECT_EQ(result["cold"], true);
  EXPECT_EQ(result["skipped"], false);
  EXPECT_EQ(result["latency_us"]["max"], 50);
  EXPECT_NEAR(result["latency_us"]["p50"], 1.0, 0.02);
  EXPECT_FALSE(json.contains("error"));
  EXPECT_FALSE(json.contains("signal"));
}

TEST(BenchReport, JsonTellsTheError) {
  FsBenchReport report;
  report.error = Error{ErrorCode::kNoSpace, "create: /x: No space left on device"};
  report.signal = 2;
  const auto json = nlohmann::json::parse(JsonReport({}, report));
  EXPECT_EQ(json["error"]["code"], "no_space");
  EXPECT_EQ(json["error"]["message"], "create: /x: No space left on device");
  EXPECT_EQ(json["signal"], 2);
}

TEST(BenchReport, JsonOfAPathThatIsNotUtf8IsADocument) {
  FsBenchOptions options;
  options.directory = "/\xff\xfe";
  EXPECT_TRUE(nlohmann::json::accept(JsonReport(options, {})));
}

TEST(BenchReport, SkippedPhaseHasAReasonAndNoFigures) {
  FsBenchReport report;
  report.results.emplace_back();
  report.results[0].phase = Phase::kSetxattr;
  report.results[0].skipped = true;
  report.results[0].note = "because";
  const auto json = nlohmann::json::parse(JsonReport({}, report))["results"][0];
  EXPECT_EQ(json["skipped"], true);
  EXPECT_EQ(json["note"], "because");
  EXPECT_FALSE(json.contains("ops"));
  EXPECT_EQ(TableRow(report.results[0]), "setxattr      skipped: because\n");
}

TEST(BenchReport, RowsLineUpWithTheHead) {
  EXPECT_EQ(TableRow(SampleResult()).size(), TableHead().size());
}

}  // namespace
}  // namespace metaring::ctl
