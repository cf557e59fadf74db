// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "kvnode/ctl/bench_fs.h"
#include "kvnode/ctl/bench_report.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"

namespace metaring::ctl {
namespace {

struct FsBenchArguments {
  FsBenchOptions options;
  std::string phases = "all";
  std::string output = "table";
};

constexpr const char* kFsFooter = R"(
It works in a fresh subdirectory of DIR and removes it at the end, also after an
error or SIGINT, SIGTERM, SIGHUP (a second signal ends it at once and leaves the
rest). DIR may have other content.

The cold phases (stat-cold, readdir-stat) first write 2 to
/proc/sys/vm/drop_caches, which makes the whole machine forget its cached names
and attributes. Without the right to do that (root) they run all the same, and
the results say that they are not cold.

With --fsync each operation ends only when it is on disk: write fsyncs the file;
mkdir, create, rename, unlink and rmdir fsync the directory; setxattr and chmod
open and fsync the file.

Exit status: 0 done, 1 failed, 2 wrong usage, 128 + N ended by signal N.)";

std::string PhaseHelp() {
  std::string text = "Comma-separated phases, run in this order (default: all).";
  for (const PhaseInfo& info : AllPhases())
    text += fmt::format("\n  {:<13} {}", info.name, info.what);
  return text;
}

std::string ValidatePhases(const std::string& list) {
  const auto phases = ParsePhases(list);
  return phases ? std::string() : phases.error().message;
}

void DeclareFsOptions(CLI::App& app, FsBenchArguments& args) {
  FsBenchOptions& o = args.options;
  AddOption(app, "DIR", o.directory, "A directory of the filesystem to measure")->required();
  AddOption(app, "--threads", o.threads, "Threads, started together")
      ->check(InRange(1U, 1024U))
      ->capture_default_str();
  AddOption(app, "--files", o.files, "Files, directories and missing names for each thread")
      ->check(InRange(1U, 100'000'000U))
      ->capture_default_str();
  AddFlag(app, "--shared", o.shared, "All threads in one directory instead of one for each");
  AddOption(app, "--phases", args.phases, PhaseHelp())
      ->check(CLI::Validator(ValidatePhases, "LIST"));
  AddOption(app, "--seed", o.seed, "Fixes the random order in which files are visited")
      ->capture_default_str();
  AddFlag(app, "--fsync", o.fsync, "Make each change durable, and count the time of that");
  AddOption(app, "--write-bytes", o.write_bytes, "What write and read transfer")
      ->check(InRange(0U, 1U << 20))
      ->capture_default_str();
  AddFlag(app, "--keep", o.keep, "Leave the subdirectory and what the phases left in it");
  AddFlag(app, "!--keep-caches", o.drop_caches,
          "Do not drop the kernel's caches: no phase is cold, the machine is left alone");
  AddOption(app, "-o,--output", args.output, "table or json (the README describes it)")
      ->check(OneOf({"table", "json"}))
      ->capture_default_str();
  app.footer(kFsFooter);
}

// Not fmt::print, which throws when the reader went away.
void Print(FILE* to, const std::string& text) {
  (void)std::fputs(text.c_str(), to);
}

void PrintProgress(std::string_view what, uint64_t done, uint64_t total) {
  if (total == 0) {
    Print(stderr, fmt::format("\r\033[K{}", what));
  } else {
    Print(stderr, fmt::format("\r\033[K{} {} of {}", what, done, total));
  }
  std::fflush(stderr);
}

void EraseProgress() {
  Print(stderr, "\r\033[K");
  std::fflush(stderr);
}

int RunFs(FsBenchArguments& args) {
  auto phases = ParsePhases(args.phases);
  if (!phases) return kExitUsage;
  args.options.phases = *std::move(phases);
  const bool json = args.output == "json";
  const bool terminal = isatty(STDERR_FILENO) == 1;

  FsBenchWatcher watcher;
  if (terminal) watcher.on_progress = PrintProgress;
  if (!json) {
    watcher.on_result = [terminal, head = true](const PhaseResult& result) mutable {
      if (terminal) EraseProgress();
      if (head) Print(stdout, TableHead());
      head = false;
      Print(stdout, TableRow(result));
      std::fflush(stdout);
    };
  }
  const FsBenchReport report = RunFsBench(args.options, watcher);
  if (terminal) EraseProgress();
  if (json) Print(stdout, JsonReport(args.options, report));
  if (args.options.keep && !report.work_directory.empty()) {
    Print(stderr, fmt::format("kvctl: kept {}\n", report.work_directory));
  }
  if (report.error) {
    Print(stderr, fmt::format("kvctl: {}\n", report.error->message));
    return kExitFailure;
  }
  if (report.signal) {
    Print(stderr, fmt::format("kvctl: ended by signal {}\n", *report.signal));
    return kExitSignalled + *report.signal;
  }
  return kExitOk;
}

}  // namespace

std::vector<Command> AddBenchCommands(CLI::App& root) {
  CLI::App* bench = AddCommand(root, "bench", "Measure");
  bench->require_subcommand(1);
  CLI::App* fs = AddCommand(*bench, "fs", "Metadata operations of any directory, by POSIX calls");
  auto args = std::make_shared<FsBenchArguments>();
  DeclareFsOptions(*fs, *args);
  return {{fs, [args] { return RunFs(*args); }}};
}

}  // namespace metaring::ctl
