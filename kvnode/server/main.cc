// SPDX-License-Identifier: Apache-2.0
//
// kvnode: the daemon of one node. This file only reads the command line.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>

#include "kvnode/server/daemon.h"

namespace {

using metaring::server::Daemon;

constexpr int kExitUsage = 2;

int Wrong(const std::string& message) {
  fmt::print(stderr, "kvnode: {}\n", message);
  return kExitUsage;
}

int Run(const std::string& config_file, bool only_check) {
  auto loaded = metaring::server::LoadConfig(config_file);
  if (!loaded) return Wrong(loaded.error().message);
  if (only_check) {
    fmt::print("{} is good\n", config_file);
    return 0;
  }
  Daemon::BlockSignals();
  return Daemon(config_file, std::move(*loaded)).Run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A node of a Metaring cluster", "kvnode");
  std::string config_file;
  bool only_check = false;
  bool sample = false;
  app.set_version_flag("--version", metaring::server::kSoftware);
  app.add_option("--config", config_file, "The configuration (TOML); conf.d/*.toml beside it too");
  app.add_flag("--check-config", only_check, "Say whether the configuration is good, and end");
  app.add_flag("--sample-config", sample, "Print every option, explained, at its default, and end");
  app.footer(
      "Signals: SIGHUP reads certificates and configuration again, SIGTERM ends after draining.\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 70 a disk failed.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kExitUsage;
  }
  if (sample) {
    (void)std::fputs(metaring::server::SampleConfig().c_str(), stdout);
    return 0;
  }
  if (config_file.empty()) return Wrong("--config FILE is needed; --help tells more");
  return Run(config_file, only_check);
}
