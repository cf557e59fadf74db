// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/cluster.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "kvnode/client/remote_admin.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

using nlohmann::json;

const char* NameOf(client::Health health) {
  switch (health) {
    case client::Health::kOk:
      return "ok";
    case client::Health::kReadOnly:
      return "read_only";
    case client::Health::kDraining:
      return "draining";
  }
  return "unknown";
}

json ToJson(const client::HealthReport& report) {
  return {{"health", NameOf(report.health)},
          {"message", report.message},
          {"uptime_seconds", report.uptime.count()},
          {"warnings", report.warnings}};
}

std::string Line(const client::HealthReport& report) {
  return report.message.empty() ? NameOf(report.health)
                                : fmt::format("{}: {}", NameOf(report.health), report.message);
}

void PrintWarnings(const client::HealthReport& report) {
  for (const std::string& warning : report.warnings) {
    Print(fmt::format("warning    {}\n", Shown(warning)));
  }
}

Result<int> Health(client::RemoteCluster& cluster, const StoreOptions& options) {
  client::RemoteAdmin admin(cluster);
  ASSIGN_OR_RETURN(const auto report, admin.HealthCheck(cluster.DefaultDeadline()));
  if (options.json()) {
    RETURN_IF_ERROR(PrintJson(ToJson(report)));
  } else {
    Print(Line(report) + "\n");
    PrintWarnings(report);
  }
  return report.health == client::Health::kOk ? kExitOk : kExitFailure;
}

Result<int> Stats(client::RemoteCluster& cluster, const StoreOptions& options) {
  client::RemoteAdmin admin(cluster);
  ASSIGN_OR_RETURN(const auto counters, admin.Stats(cluster.DefaultDeadline()));
  if (options.json()) {
    RETURN_IF_ERROR(PrintJson(json(counters)));
    return kExitOk;
  }
  for (const auto& [name, value] : counters) Print(fmt::format("{:<40} {:>20}\n", name, value));
  return kExitOk;
}

json ToJson(const client::ClusterMap& map) {
  json nodes = json::array();
  for (const client::ClusterNode& node : map.nodes) {
    nodes.push_back({{"id", node.id.value()},
                     {"name", node.name},
                     {"address", node.address},
                     {"rack", node.rack}});
  }
  return {{"cluster_id", map.cluster_id},
          {"epoch", map.epoch},
          {"ring_size", map.ring_size},
          {"nodes", std::move(nodes)}};
}

Result<int> ShowStatus(client::RemoteCluster& cluster, const StoreOptions& options) {
  client::RemoteAdmin admin(cluster);
  const auto deadline = cluster.DefaultDeadline();
  ASSIGN_OR_RETURN(const auto map, admin.GetClusterMap(deadline));
  ASSIGN_OR_RETURN(const auto report, admin.HealthCheck(deadline));
  ASSIGN_OR_RETURN(const auto keyspaces, admin.ListKeyspaces(deadline));
  const auto hello = cluster.nodes().hello();
  const std::string software = hello ? hello->software : "";
  json names = json::array();
  for (const client::KeyspaceInfo& info : keyspaces) names.push_back(info.name);
  if (options.json()) {
    json all = ToJson(map);
    all["asked"] = ToJson(report);
    all["asked"]["name"] = hello ? hello->node_name : "";
    all["asked"]["software"] = software;
    all["keyspaces"] = std::move(names);
    RETURN_IF_ERROR(PrintJson(all));
    return kExitOk;
  }
  Print(fmt::format("cluster    {}\nepoch      {}, {} slots\n", map.cluster_id, map.epoch,
                    map.ring_size));
  for (const client::ClusterNode& node : map.nodes) {
    const std::string rack = node.rack.empty() ? "" : ", rack " + Shown(node.rack);
    Print(fmt::format("node       {} {} {}{}\n", node.id.value(), Shown(node.name),
                      Shown(node.address), rack));
  }
  Print(fmt::format("asked      {}: {}, up {} s, {}\n", hello ? Shown(hello->node_name) : "",
                    Line(report), report.uptime.count(), Shown(software)));
  PrintWarnings(report);
  for (const client::KeyspaceInfo& info : keyspaces) {
    Print(fmt::format("keyspace   {}\n", info.name));
  }
  return kExitOk;
}

using Body = Result<int> (*)(client::RemoteCluster& cluster, const StoreOptions& options);

Command Declare(CLI::App& root, const char* name, const char* what, Body body) {
  CLI::App* app = AddCommand(root, name, what);
  auto options = std::make_shared<StoreOptions>();
  DeclareClusterOptions(*app, *options);
  return {app, [options, body] {
            return RunOnCluster(
                *options, [&](client::RemoteCluster& cluster) { return body(cluster, *options); });
          }};
}

}  // namespace

std::vector<Command> AddClusterCommands(CLI::App& root) {
  return {Declare(root, "status", "The nodes of a cluster, its keyspaces, its health", ShowStatus),
          Declare(root, "health", "Exit status 0 when the node that is asked is well", Health),
          Declare(root, "stats", "The counters of the node that is asked", Stats)};
}

}  // namespace metaring::ctl
