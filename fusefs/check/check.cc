// SPDX-License-Identifier: Apache-2.0
#include "fusefs/check/check.h"

#include "fusefs/check/survey.h"

namespace metaring::fusefs {
namespace {

// What is mended can show the next thing (a name removed changes a count), so rounds follow until
// nothing is left that can be mended.
constexpr int kRepairRoundsMax = 5;

// Mends what can be mended; gives how many problems that were.
Result<uint64_t> Mend(const Context& ctx, const std::vector<Problem>& problems) {
  uint64_t mended = 0;
  for (const Problem& problem : problems) {
    if (problem.mend.empty()) continue;
    client::Transaction transaction;
    transaction.then_ops = problem.mend;
    transaction.frees_space = true;
    RETURN_IF_ERROR(ctx.kv.Transact(transaction));
    ++mended;
  }
  return mended;
}

void ListFindings(const std::vector<Problem>& problems, CheckReport& report) {
  report.found = problems.size();
  for (const Problem& problem : problems) {
    if (report.findings.size() >= kFindingsMax) break;
    report.findings.push_back({problem.what, false});
  }
}

Result<CheckReport> Look(const Context& ctx, const CheckOptions& options,
                         std::vector<Problem>& problems) {
  ASSIGN_OR_RETURN(Survey survey, TakeSurvey(ctx, options.progress));
  CheckReport report;
  report.records = survey.records;
  report.files = survey.files;
  report.bytes = survey.bytes;
  for (const auto& [ino, directory] : survey.directories) {
    report.directories += directory.has_header ? 1 : 0;
  }
  problems = FindProblems(ctx, std::move(survey), options.repair);
  return report;
}

// Looks again as long as something is found, and keeps what is found each time.
Result<CheckReport> LookAtShared(const Context& ctx, const CheckOptions& options,
                                 std::vector<Problem>& problems) {
  ASSIGN_OR_RETURN(CheckReport report, Look(ctx, options, problems));
  for (int pass = 1; pass < kSharedPasses && !problems.empty(); ++pass) {
    std::vector<Problem> now;
    ASSIGN_OR_RETURN(report, Look(ctx, options, now));
    std::set<std::string> found;
    for (const Problem& problem : now) found.insert(problem.what);
    std::erase_if(problems, [&](const Problem& each) { return !found.contains(each.what); });
  }
  return report;
}

}  // namespace

Result<CheckReport> CheckVolume(const Context& ctx, const CheckOptions& options) {
  if (options.repair && options.shared) {
    return Fail(ErrorCode::kInvalidArgument, "a volume that others may change is not repaired");
  }
  if (options.repair) RETURN_IF_ERROR(SweepVolume(ctx, true));
  std::vector<Problem> problems;
  ASSIGN_OR_RETURN(CheckReport report, options.shared ? LookAtShared(ctx, options, problems)
                                                      : Look(ctx, options, problems));
  ListFindings(problems, report);
  if (!options.repair || problems.empty()) return report;
  for (int round = 0; round < kRepairRoundsMax; ++round) {
    ASSIGN_OR_RETURN(const uint64_t mended, Mend(ctx, problems));
    if (mended == 0) break;
    RETURN_IF_ERROR(SweepVolume(ctx, true));
    RETURN_IF_ERROR(Look(ctx, options, problems));
  }
  std::set<std::string> left;
  for (const Problem& problem : problems) left.insert(problem.what);
  for (Finding& finding : report.findings) finding.repaired = !left.contains(finding.what);
  report.repaired = report.found - std::min<uint64_t>(report.found, problems.size());
  return report;
}

}  // namespace metaring::fusefs
