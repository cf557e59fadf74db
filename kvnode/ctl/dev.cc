// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/dev.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/dev_cluster.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

struct DevArguments {
  std::string directory;
  unsigned nodes = 1;
  std::string output = "table";
};

Result<DevCluster> ClusterOf(const DevArguments& args) {
  std::string directory = args.directory;
  if (directory.empty()) {
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home == '\0') {
      return Fail(ErrorCode::kInvalidArgument, "--dir is needed: there is no HOME");
    }
    directory = std::string(home) + "/.local/share/metaring/dev";
  }
  // However it is spelled, it is the same in the node's command line.
  std::error_code error;
  auto path = std::filesystem::weakly_canonical(std::filesystem::absolute(directory), error);
  if (error) return Fail(ErrnoError(error.value(), directory));
  if (!path.has_filename()) path = path.parent_path();
  return DevCluster(path.string());
}

std::string Introduction(const DevCluster& cluster, const DevNode& node) {
  return fmt::format(
      "node-1         {0}, process {1}, log {2}\n"
      "CA             {3}\n"
      "admin          {4} and .key; {5}\n"
      "client         {6} and .key; {7}\n"
      "\n"
      "Try:\n"
      "  kvctl --config {5} keyspace create demo\n"
      "  kvctl --config {7} put demo greeting hello\n"
      "  kvctl --config {7} get demo greeting\n"
      "  kvctl --config {5} volume create files\n"
      "  fusefs -o config={7} {0}/files MOUNTPOINT\n",
      node.endpoint, node.pid.value_or(0), node.log_file, cluster.Path("pki/ca.crt"),
      cluster.Path("pki/admin.crt"), cluster.admin_config(), cluster.Path("pki/client.crt"),
      cluster.client_config());
}

nlohmann::json ToJson(const DevCluster& cluster, const DevNode& node) {
  nlohmann::json json = {{"name", "node-1"},
                         {"endpoint", node.endpoint},
                         {"running", node.pid.has_value()},
                         {"log", node.log_file}};
  if (node.pid) json["pid"] = *node.pid;
  return {{"admin_config", cluster.admin_config()},
          {"client_config", cluster.client_config()},
          {"nodes", nlohmann::json::array({std::move(json)})}};
}

Result<int> Up(const DevArguments& args) {
  if (args.nodes > 1) {
    return Fail(ErrorCode::kUnsupported,
                "--nodes: a cluster has one node as long as there is no replication");
  }
  ASSIGN_OR_RETURN(const DevCluster cluster, ClusterOf(args));
  RETURN_IF_ERROR(cluster.Up());
  ASSIGN_OR_RETURN(const DevNode node, cluster.Look());
  if (args.output == "json") {
    RETURN_IF_ERROR(PrintJson(ToJson(cluster, node)));
  } else {
    Print(Introduction(cluster, node));
  }
  return kExitOk;
}

Result<int> ShowStatus(const DevArguments& args) {
  ASSIGN_OR_RETURN(const DevCluster cluster, ClusterOf(args));
  ASSIGN_OR_RETURN(const DevNode node, cluster.Look());
  if (args.output == "json") {
    RETURN_IF_ERROR(PrintJson(ToJson(cluster, node)));
  } else {
    const std::string state =
        node.pid ? fmt::format("running, process {}", *node.pid) : "not running";
    Print(fmt::format("node-1  {}  {}\n", node.endpoint, state));
  }
  return node.pid ? kExitOk : kExitFailure;
}

Result<int> Down(const DevArguments& args) {
  ASSIGN_OR_RETURN(const DevCluster cluster, ClusterOf(args));
  RETURN_IF_ERROR(cluster.Down());
  return kExitOk;
}

struct Declared {
  CLI::App* app;
  std::shared_ptr<DevArguments> args;
  Command Runs(Result<int> (*body)(const DevArguments& args)) const {
    return {app, [args = args, body] { return ExitStatusOf(body(*args)); }};
  }
};

Declared Declare(CLI::App& group, const char* name, const char* what) {
  Declared declared{AddCommand(group, name, what), std::make_shared<DevArguments>()};
  AddOption(*declared.app, "--dir", declared.args->directory,
            "Where the cluster is [~/.local/share/metaring/dev]");
  return declared;
}

}  // namespace

std::vector<Command> AddDevCommands(CLI::App& root) {
  CLI::App& group = *AddCommand(root, "dev", "A cluster on this machine, to try and develop");
  group.require_subcommand(1);
  const Declared up = Declare(group, "up", "Make it if need be, and start what does not run");
  AddOption(*up.app, "--nodes", up.args->nodes, "So many kvnode processes")
      ->check(InRange(1U, 64U))
      ->capture_default_str();
  const Declared status = Declare(group, "status", "Exit status 0 when all of it runs");
  const Declared down = Declare(group, "down", "Stop it; its data and certificates stay");
  for (const Declared& each : {up, status}) {
    AddOption(*each.app, "-o,--output", each.args->output, "table or json")
        ->check(OneOf({"table", "json"}))
        ->capture_default_str();
  }
  return {up.Runs(Up), status.Runs(ShowStatus), down.Runs(Down)};
}

}  // namespace metaring::ctl
