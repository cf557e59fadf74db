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
  std::string volume = "default";
  bool repair = false;
};

int NotChecked(const Error& error) {
  fmt::print(stderr, "fusefs check: {} ({})\n", error.message, ErrorCodeName(error.code));
  return kNotChecked;
}

void Print(const CheckReport& report, const Arguments& arguments) {
  for (const Finding& finding : report.findings) {
    fmt::print("{}{}\n", finding.what, finding.repaired ? " (repaired)" : "");
  }
  if (report.found > report.findings.size()) {
    fmt::print("... and {} more\n", report.found - report.findings.size());
  }
  fmt::print("{}: {} directories, {} files, {} bytes of content, {} records\n", arguments.volume,
             report.directories, report.files, report.bytes, report.records);
  if (report.clean()) {
    fmt::print("{} is clean\n", arguments.volume);
  } else {
    fmt::print("{}: {} problems found, {} repaired\n", arguments.volume, report.found,
               report.repaired);
  }
}

Result<CheckReport> Check(const Arguments& arguments, const StoreOpener& open_store) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto embedded, open_store(arguments.source, clock));
  ASSIGN_OR_RETURN(const auto kv, embedded->Open(arguments.volume));
  ASSIGN_OR_RETURN(const Volume volume, LoadVolume(*kv));
  if (volume.read_only && arguments.repair) {
    return Fail(ErrorCode::kFormatMismatch,
                "the volume has features that this version must not write: it cannot repair it");
  }
  InoAllocator inos(*kv);
  CheckOptions check;
  check.repair = arguments.repair;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  if (terminal) {
    check.progress = [](uint64_t records) { fmt::print(stderr, "\r{} records read", records); };
  }
  auto report = CheckVolume({*kv, volume, inos, clock}, check);
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  return report;
}

}  // namespace

int RunCheck(int argc, char** argv, const StoreOpener& open_store) {
  CLI::App app{"Verifies every record of a volume that is not mounted; with --repair, mends it.",
               "fusefs check"};
  Arguments arguments;
  app.add_option("SOURCE", arguments.source, "embedded:DIR")->required();
  app.add_option_function<std::string>(
      "-o",
      [&](const std::string& option) {
        if (!option.starts_with("volume=")) throw CLI::ValidationError("-o", "knows volume=NAME");
        arguments.volume = option.substr(7);
      },
      "volume=NAME, the volume to check (default: default)");
  app.add_flag("--repair", arguments.repair,
               "Remove what nothing refers to, name what has lost its name, correct counts");
  app.footer(
      "Exit status: 0 clean, 1 all that was found is repaired, 4 problems are left, 8 not "
      "checked,\n"
      "16 wrong usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kClean : kUsage;
  }
  if (Status logging = InitLogging("", LogLevel::kWarn); !logging)
    return NotChecked(logging.error());
  const auto report = Check(arguments, open_store);
  if (!report) return NotChecked(report.error());
  Print(*report, arguments);
  if (report->clean()) return kClean;
  return report->repaired == report->found ? kRepaired : kProblemsLeft;
}

}  // namespace metaring::fusefs
