// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/daemon.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>

#include "kvnode/base/logging.h"

namespace metaring::server {
namespace {

constexpr char kComponent[] = "server";
constexpr std::chrono::milliseconds kTick{1000};
constexpr int kWatchdogTicks = 4;  // in the time that systemd gives
constexpr std::chrono::hours kExpiryCheckEvery{24};
constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;

sigset_t WaitedFor() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

LogLevel LevelOf(const Config& config) {
  if (config.log_level == "debug") return LogLevel::kDebug;
  if (config.log_level == "warn") return LogLevel::kWarn;
  return config.log_level == "error" ? LogLevel::kError : LogLevel::kInfo;
}

void Notify(const std::string& state) {
  ::sd_notify(0, state.c_str());
}

void WarnOfOpenKey(const Config& config) {
  struct stat found {};
  if (config.insecure_plain_text || ::stat(config.key_file.c_str(), &found) != 0) return;
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  LogWarn(kComponent, "{} is open to others than its owner: chmod 0400 it", config.key_file);
}

}  // namespace

Daemon::Daemon(std::string config_file, LoadedConfig loaded)
    : config_file_(std::move(config_file)), config_(std::move(loaded.config)) {}

void Daemon::BlockSignals() {
  const sigset_t signals = WaitedFor();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int Daemon::Run() {
  ::umask(0077);
  ::prctl(PR_SET_DUMPABLE, 0);  // a core file would hold the key
  if (const Status started = Start(); !started) {
    LogLine(LogLevel::kError, kComponent, "cannot start: " + started.error().message,
            {{"code", ErrorCodeName(started.error().code)}});
    return kExitFailure;
  }
  Announce();
  WarnOfExpiry();
  Serve();
  Drain();
  return kExitOk;
}

Status Daemon::Start() {
  const LogFormat format = config_.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  RETURN_IF_ERROR(InitLogging(config_.log_file, LevelOf(config_), format));
  if (config_.insecure_plain_text) {
    LogWarn(kComponent,
            "INSECURE: tls.insecure_plain_text is set: no encryption, and whoever can connect "
            "may do everything");
  }
  WarnOfOpenKey(config_);
  node_ = std::make_unique<Node>(config_, clock_);
  RETURN_IF_ERROR(node_->Start());
  uint64_t watchdog_usec = 0;
  if (::sd_watchdog_enabled(0, &watchdog_usec) > 0) {
    watchdog_ = std::chrono::microseconds(watchdog_usec);
    watch_.emplace(watchdog_);
  }
  next_reload_ = std::chrono::steady_clock::now() + std::chrono::seconds(config_.reload_seconds);
  return {};
}

void Daemon::Announce() const {
  const std::string clients =
      AddressText(ParseAddress(config_.listen_clients).host, node_->client_port());
  const std::string nodes =
      AddressText(ParseAddress(config_.listen_nodes).host, node_->node_port());
  LogLine(LogLevel::kInfo, kComponent, "ready",
          {{"version", kSoftware},
           {"cluster", node_->identity().cluster_id},
           {"node", node_->identity().node_id},
           {"name", node_->name()},
           {"clients", clients},
           {"nodes", nodes},
           {"directory", Escaped(config_.data_directory)}});
  Notify(fmt::format("READY=1\nSTATUS=Serving clients on {}, nodes on {}", clients, nodes));
}

void Daemon::Serve() {
  const sigset_t signals = WaitedFor();
  const auto tick = watchdog_.count() == 0
                        ? std::chrono::microseconds(kTick)
                        : std::min<std::chrono::microseconds>(kTick, watchdog_ / kWatchdogTicks);
  const timespec wait{tick.count() / 1'000'000, tick.count() % 1'000'000 * 1000};
  for (;;) {
    const int number = ::sigtimedwait(&signals, nullptr, &wait);
    if (number == SIGTERM || number == SIGINT) return;
    if (number == SIGHUP) Reload();
    Tick();
  }
}

void Daemon::Tick() {
  const TimePoint now = std::chrono::steady_clock::now();
  FeedWatchdog(now);
  if (config_.reload_seconds > 0 && now >= next_reload_) ReloadCertificates();
  if (now >= next_expiry_check_) WarnOfExpiry();
}

void Daemon::FeedWatchdog(TimePoint now) {
  if (!watch_) return;
  const bool moves = watch_->Moves(node_->progress(), now);
  if (moves) Notify("WATCHDOG=1");
  if (!moves && !stuck_) LogError(kComponent, "writes do not end: the watchdog is not fed");
  stuck_ = !moves;
}

void Daemon::Reload() {
  const auto since_boot = clock_.MonotonicNanos() / 1000;
  Notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", since_boot));
  if (const Status opened = ReopenLog(); !opened) {
    LogError(kComponent, "the log goes on in its old file: {}", opened.error().message);
  }
  if (const auto loaded = LoadConfig(config_file_); loaded) {
    TakeReloadable(loaded->config);
  } else {
    LogError(kComponent, "the configuration stays as it was: {}", loaded.error().message);
  }
  ReloadCertificates();
  WarnOfExpiry();
  Notify("READY=1");
}

void Daemon::TakeReloadable(const Config& next) {
  for (const ConfigOption& option : ConfigOptions()) {
    const std::string before = ConfigValueText(option, config_);
    const std::string after = ConfigValueText(option, next);
    if (before == after) continue;
    if (!option.reloadable) {
      LogWarn(kComponent, "{} stays {} until a restart", option.name, before);
      continue;
    }
    CopyConfigOption(option, next, config_);
    LogInfo(kComponent, "{} is {} now", option.name, after);
  }
  SetLogLevel(LevelOf(config_));
  node_->Apply(config_);
}

void Daemon::ReloadCertificates() {
  next_reload_ = std::chrono::steady_clock::now() + std::chrono::seconds(config_.reload_seconds);
  if (config_.insecure_plain_text) return;
  WarnOfOpenKey(config_);
  if (const Status reloaded = node_->ReloadCertificates(); reloaded) {
    LogInfo(kComponent, "certificates were read again");
  } else {
    LogError(kComponent, "the certificates stay as they were: {}", reloaded.error().message);
  }
}

void Daemon::WarnOfExpiry() {
  next_expiry_check_ = std::chrono::steady_clock::now() + kExpiryCheckEvery;
  for (const ExpiryWarning& warning : node_->expiry_warnings()) {
    const bool of_crl = warning.of == ExpiryWarning::Of::kCrl;
    LogLine(warning.expired ? LogLevel::kError : LogLevel::kWarn, kComponent, warning.text,
            {{"file", of_crl ? config_.crl_file : config_.certificate_file}});
  }
}

void Daemon::Drain() {
  LogInfo(kComponent, "stopping");
  Notify("STOPPING=1\nSTATUS=Draining");
  for (const int number : {SIGTERM, SIGINT}) std::signal(number, SIG_DFL);
  const sigset_t signals = WaitedFor();
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  node_->Stop(std::chrono::milliseconds(config_.drain_ms));
  LogInfo(kComponent, "stopped");
}

}  // namespace metaring::server
