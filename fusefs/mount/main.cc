// SPDX-License-Identifier: Apache-2.0
//
// fusefs [-f] [-o OPTIONS] SOURCE MOUNTPOINT: the composition root of the mount. It checks what can
// be checked without the store, goes into the background, opens the volume, mounts and serves.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fusefs/check/check_main.h"
#include "fusefs/mount/daemon.h"
#include "fusefs/mount/mountpoint.h"
#include "fusefs/mount/options.h"
#include "fusefs/mount/session.h"
#include "fusefs/mount/source.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs::mount {
namespace {

struct CommandLine {
  bool foreground = false;
  MountOptions options;
  std::string fsname;
  Source source;
  std::string mountpoint;  // absolute, checked
};

bool LiesIn(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory == "/" ? "/" : directory + "/");
}

// Options that say nothing of this kind of SOURCE are refused, not ignored.
Status CheckOptions(const Source& source, const MountOptions& options) {
  if (!source.embedded() && !options.volume.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "option volume: SOURCE names the volume");
  }
  const bool for_cluster = !options.config_file.empty() || !options.ca_file.empty() ||
                           !options.certificate_file.empty() || !options.key_file.empty();
  if (source.embedded() && for_cluster) {
    return Fail(ErrorCode::kInvalidArgument,
                "options config, ca, cert and key are for a volume of a cluster");
  }
  if (source.embedded() && options.hard) {
    return Fail(ErrorCode::kInvalidArgument,
                "options soft and hard are for a volume of a cluster: an embedded store answers "
                "always, with its disk or with an error");
  }
  return {};
}

// Everything that can be found wrong without touching the store.
Result<CommandLine> Prepare(bool foreground, const std::vector<std::string>& option_texts,
                            const std::string& source, const std::string& mountpoint) {
  CommandLine line;
  line.foreground = foreground;
  for (const std::string& text : option_texts) {
    RETURN_IF_ERROR(ParseMountOptions(text, line.options));
  }
  ASSIGN_OR_RETURN(line.source, ParseSource(source));
  RETURN_IF_ERROR(CheckOptions(line.source, line.options));
  line.fsname = line.options.fsname.empty() ? line.source.ToString() : line.options.fsname;
  RETURN_IF_ERROR(CheckFuseDevice());
  ASSIGN_OR_RETURN(line.mountpoint, CheckMountpoint(mountpoint, line.fsname));
  if (line.source.embedded() && LiesIn(line.source.directory, line.mountpoint)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the store {} would be hidden by a mount on {}",
                            Escaped(line.source.directory), Escaped(line.mountpoint)));
  }
  // The daemon works in "/".
  MountOptions& options = line.options;
  for (std::string* const file : {&options.log_file, &options.config_file, &options.ca_file,
                                  &options.certificate_file, &options.key_file}) {
    if (!file->empty()) *file = std::filesystem::absolute(*file).string();
  }
  return line;
}

// How long an operation on a cluster may take.
std::chrono::nanoseconds OperationTime(const MountOptions& options) {
  constexpr std::chrono::years kForever{10};
  if (options.hard.value_or(false)) return kForever;
  return std::chrono::nanoseconds(std::llround(options.op_timeout_seconds * 1e9));
}

FilesystemOptions ForFilesystem(const CommandLine& line) {
  constexpr double kLong = 86'400;
  FilesystemOptions options;
  options.shared = !line.source.embedded();
  options.attr_timeout_seconds =
      line.options.attr_timeout_seconds.value_or(options.shared ? 1 : kLong);
  options.entry_timeout_seconds =
      line.options.entry_timeout_seconds.value_or(options.shared ? 1 : kLong);
  options.negative_timeout_seconds =
      line.options.negative_timeout_seconds.value_or(options.shared ? 0 : kLong);
  options.atime = line.options.atime;
  options.read_only = line.options.read_only;
  options.local_locks = line.options.local_locks;
  if (options.shared) options.wait_max = OperationTime(line.options);
  options.store_directory = line.source.directory;
  return options;
}

// A mount that ends, also a hard one, gives its cluster so long for all requests that are left, and
// then for all that is pending.
void NoMorePatience(const OpenedVolume& opened) {
  if (!opened.cluster) return;
  constexpr std::chrono::milliseconds kLeastTime{10'000};
  const auto left = std::max(kLeastTime, opened.cluster->options().deadline);
  opened.cluster->EndBy(std::chrono::steady_clock::now() + left);
}

ServeOptions ForServing(const CommandLine& line, const OpenedVolume& opened,
                        Filesystem& filesystem) {
  ServeOptions options;
  options.threads = line.options.threads;
  if (!opened.cluster) return options;
  options.interrupts.exit_wait_max = opened.cluster->options().deadline;
  if (!line.options.hard.value_or(false)) {
    options.interrupts.by = Interruptible::kByCaught;
    options.operation_max = OperationTime(line.options);
  }
  options.ending = [&opened, &filesystem] {
    NoMorePatience(opened);
    filesystem.doubts.EndSoon();
  };
  return options;
}

Status MountAndServe(const CommandLine& line, std::optional<Daemon>& daemon) {
  RETURN_IF_ERROR(InitLogging(line.options.log_file, line.options.log_level));
  BlockEndingSignals();
  const SystemClock clock;
  ASSIGN_OR_RETURN(const OpenedVolume opened, OpenVolume(line.source, line.options, clock));
  InoAllocator inos(*opened.kv);
  const Context context{*opened.kv, opened.volume, inos, clock};
  if (!line.options.read_only) {
    // When nobody else has the volume open, whatever is without a name was left by a crash. A file
    // of a cluster's may be open in another mount.
    ASSIGN_OR_RETURN(const uint64_t swept, SweepVolume(context, line.source.embedded()));
    if (swept > 0) LogInfo("mount", "finished {} removals of an earlier mount", swept);
  }
  Filesystem filesystem(context, ForFilesystem(line));
  ASSIGN_OR_RETURN(const auto session,
                   Session::Mount(filesystem, line.options, line.fsname, line.mountpoint));
  filesystem.invalidator.Start([&session](Ino ino, Stale what) { session->Invalidate(ino, what); });
  filesystem.background.Start();
  filesystem.doubts.Start();
  // From here on; what the mount needed to begin was to be had in time, or not at all.
  if (line.options.hard.value_or(false)) opened.cluster->Persist();
  if (daemon) daemon->Ready();
  LogInfo("mount", "{} is mounted on {}", Escaped(line.source.ToString()),
          Escaped(line.mountpoint));
  if (!line.source.embedded()) {
    LogInfo("mount", "locks (flock, fcntl): {}",
            line.options.local_locks ? "local, between this mount's users only"
                                     : "refused; -o locks=local for locks within this mount");
  }
  const Status served = session->Serve(ForServing(line, opened, filesystem));
  filesystem.invalidator.Stop();
  NoMorePatience(opened);
  // Before the background, which may wait for one.
  filesystem.doubts.Stop();
  filesystem.background.Stop();
  const Status finished = filesystem.background.Finish();
  LogDebug("mount", "requests: {}", filesystem.kernel_io.DescribeCounts());
  LogInfo("mount", "unmounted from {}", Escaped(line.mountpoint));
  return served ? finished : served;
}

// Nothing is made, and nothing is changed unless it is repaired.
Result<VolumeToCheck> OpenToCheck(const std::string& source_text,
                                  const std::vector<std::string>& option_texts,
                                  const Clock& clock) {
  MountOptions options;
  options.read_only = true;
  for (const std::string& text : option_texts) RETURN_IF_ERROR(ParseCheckOptions(text, options));
  ASSIGN_OR_RETURN(const Source source, ParseSource(source_text));
  RETURN_IF_ERROR(CheckOptions(source, options));
  ASSIGN_OR_RETURN(OpenedVolume opened, OpenVolume(source, options, clock));
  auto store = std::make_shared<OpenedVolume>(std::move(opened));
  VolumeToCheck checked;
  checked.kv = store->kv.get();
  checked.volume = store->volume;
  checked.name = VolumeOf(source, options);
  checked.shared = !source.embedded();
  checked.store = std::move(store);
  return checked;
}

int Complain(const Error& error) {
  fmt::print(stderr, "fusefs: {}\n", error.message);
  return 1;
}

int Main(int argc, char** argv) {
  CLI::App app{"Mounts a volume of Metaring."};
  bool foreground = false;
  std::vector<std::string> option_texts;
  std::string source;
  std::string mountpoint;
  app.add_flag("-f,--foreground", foreground, "stay in the foreground and log to stderr");
  app.add_option("-o", option_texts, "mount options, separated by commas")
      ->type_name("OPTIONS")
      ->expected(1)
      ->take_all();
  app.add_option("SOURCE", source,
                 "embedded:DIR, the store in this directory; or HOST:PORT[,HOST:PORT...]/VOLUME")
      ->required();
  app.add_option("MOUNTPOINT", mountpoint, "an existing directory")->required();
  app.set_version_flag("-V,--version", "fusefs " METARING_VERSION);
  app.footer("Mount options:\n" + DescribeMountOptions() +
             "\nUnmount with: fusermount3 -u MOUNTPOINT (or umount, or SIGTERM).");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  const Result<CommandLine> line = Prepare(foreground, option_texts, source, mountpoint);
  if (!line) return Complain(line.error());
  std::optional<Daemon> daemon;
  if (!foreground) {
    Result<Daemon> started = Daemon::Start(line->mountpoint);
    if (!started) return Complain(started.error());
    daemon.emplace(*std::move(started));
  }
  const Status status = MountAndServe(*line, daemon);
  return status ? 0 : Complain(status.error());
}

}  // namespace
}  // namespace metaring::fusefs::mount

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "check") {
    return metaring::fusefs::RunCheck(argc - 1, argv + 1,
                                      metaring::fusefs::mount::DescribeCheckOptions(),
                                      metaring::fusefs::mount::OpenToCheck);
  }
  return metaring::fusefs::mount::Main(argc, argv);
}
