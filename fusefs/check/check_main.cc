// SPDX-License-Identifier: Apache-2.0
#include "fusefs/check/check_main.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "fusefs/check/check.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs {
namespace {

enum ExitStatus { kClean = 0, kRepaired = 1, kProblemsLeft = 4, kNotChecked = 8, kUsage = 16 };

struct Arguments {
  std::string source;
  std::vector<std::string> options;
  bool repair = false;
};

int NotChecked(const Error& error) {
  fmt::print(stderr, "fusefs check: {} ({})\n", error.message, ErrorCodeName(error.code));
  return error.code == ErrorCode::kInvalidArgument ? kUsage : kNotChecked;
}

void Print(const CheckReport& report, const VolumeToCheck& checked) {
  const std::string& name = checked.name;
  for (const Finding& finding : report.findings) {
    fmt::print("{}{}\n", finding.what, finding.repaired ? " (repaired)" : "");
  }
  if (report.found > report.findings.size()) {
    fmt::print("... and {} more\n", report.found - report.findings.size());
  }
  fmt::print("{}: {} directories, {} files, {} bytes of content, {} records\n", name,
             report.directories, report.files, report.bytes, report.records);
  if (report.clean()) {
    fmt::print("{} is clean\n", name);
  } else {
    fmt::print("{}: {} problems found, {} repaired\n", name, report.found, report.repaired);
  }
  if (checked.shared && !report.clean()) {
    fmt::print(
        stderr,
        "fusefs check: found in {} readings one after the other; what a mount is changing all "
        "the time may still be among it: be sure without mounts\n",
        kSharedPasses);
  }
}

Status MayRepair(const VolumeToCheck& checked) {
  if (checked.volume.read_only) {
    return Fail(ErrorCode::kFormatMismatch,
                "the volume has features that this version must not write: it cannot repair it");
  }
  if (!checked.shared) return {};
  return Fail(
      ErrorCode::kUnsupported,
      fmt::format("a volume of a cluster cannot be repaired in place: whether somebody has it "
                  "mounted cannot be seen yet, and a repair would undo what is being written. "
                  "Unmount it everywhere, then copy it into a directory with `kvctl volume "
                  "copy {0} {0} --to embedded:DIR`, repair it there, and copy it back",
                  checked.name));
}

Result<CheckReport> Check(const VolumeToCheck& checked, bool repair, const Clock& clock) {
  if (repair) RETURN_IF_ERROR(MayRepair(checked));
  InoAllocator inos(*checked.kv);
  CheckOptions check;
  check.repair = repair;
  check.shared = checked.shared;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  if (terminal) {
    check.progress = [](uint64_t records) { fmt::print(stderr, "\r{} records read", records); };
  }
  auto report = CheckVolume({*checked.kv, checked.volume, inos, clock}, check);
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  return report;
}

int OpenAndCheck(const Arguments& arguments, const VolumeOpener& open) {
  const SystemClock clock;
  const auto checked = open(arguments.source, arguments.options, clock);
  if (!checked) return NotChecked(checked.error());
  const auto report = Check(*checked, arguments.repair, clock);
  if (!report) return NotChecked(report.error());
  Print(*report, *checked);
  if (report->clean()) return kClean;
  return report->repaired == report->found ? kRepaired : kProblemsLeft;
}

}  // namespace

int RunCheck(int argc, char** argv, const std::string& options_help, const VolumeOpener& open) {
  CLI::App app{
      "Verifies every record of a volume, one of a directory that is not mounted or one of a "
      "cluster "
      "at any time; with --repair, mends what a directory has.",
      "fusefs check"};
  Arguments arguments;
  app.add_option("SOURCE", arguments.source, "embedded:DIR or HOST:PORT[,HOST:PORT...]/VOLUME")
      ->required();
  app.add_option("-o", arguments.options, "options, separated by commas")
      ->type_name("OPTIONS")
      ->expected(1)
      ->take_all();
  app.add_flag("--repair", arguments.repair,
               "Remove what nothing refers to, name what has lost its name, correct counts");
  app.footer("Options:\n" + options_help +
             "\nExit status: 0 clean, 1 all that was found is repaired, 4 problems are left,\n"
             "8 not checked, 16 wrong usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kClean : kUsage;
  }
  if (Status logging = InitLogging("", LogLevel::kWarn); !logging)
    return NotChecked(logging.error());
  return OpenAndCheck(arguments, open);
}

}  // namespace metaring::fusefs
