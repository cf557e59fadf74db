// SPDX-License-Identifier: Apache-2.0
//
// kvctl: the operator's and the scripter's tool. It only puts the command groups together: each
// group declares its subcommands and gives what to run; exactly one runs.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <csignal>
#include <vector>

#include "kvnode/ctl/bench.h"
#include "kvnode/ctl/bench_kv.h"
#include "kvnode/ctl/cert.h"
#include "kvnode/ctl/cluster.h"
#include "kvnode/ctl/command.h"
#include "kvnode/ctl/completion.h"
#include "kvnode/ctl/dev.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/fs.h"
#include "kvnode/ctl/grant.h"
#include "kvnode/ctl/keyspace.h"
#include "kvnode/ctl/kv.h"
#include "kvnode/ctl/store_access.h"
#include "kvnode/ctl/txn.h"
#include "kvnode/ctl/volume.h"

namespace {

using metaring::ctl::Command;

std::vector<Command> AddAllCommands(CLI::App& app) {
  using namespace metaring::ctl;  // NOLINT(google-build-using-namespace)
  std::vector<Command> all;
  for (const auto& add :
       {AddKvCommands, AddTxnCommand, AddKeyspaceCommands, AddVolumeCommands, AddFsCommands,
        AddClusterCommands, AddGrantCommands, AddCertCommands, AddDevCommands, AddBenchCommands,
        AddBenchKvCommand, AddCompletionCommand}) {
    for (Command& command : add(app)) all.push_back(std::move(command));
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader of our output that went away must not keep us from cleaning up.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Metaring's tool for operators and scripts", "kvctl");
  app.set_version_flag("--version", "kvctl " METARING_VERSION);
  app.require_subcommand(1);
  app.footer("Exit status: 0 done, 1 failed, 2 wrong usage. `kvctl COMMAND --help` tells more.");
  metaring::ctl::DeclareConfigOption(app);
  const std::vector<Command> commands = AddAllCommands(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? metaring::ctl::kExitOk : metaring::ctl::kExitUsage;
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return metaring::ctl::kExitUsage;
}
