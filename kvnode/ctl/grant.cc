// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/grant.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "kvnode/client/remote_admin.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

using client::Access;

struct GrantArguments {
  StoreOptions store;
  std::string client;
  std::string keyspace;
  std::string access;
};

const char* NameOf(const std::optional<Access>& access) {
  if (!access) return "none";
  if (*access == Access::kRead) return "read";
  return *access == Access::kWrite ? "write" : "admin";
}

Access AccessOf(const std::string& name) {
  if (name == "read") return Access::kRead;
  return name == "write" ? Access::kWrite : Access::kAdmin;
}

Result<int> Set(client::RemoteCluster& cluster, const GrantArguments& args) {
  client::RemoteAdmin admin(cluster);
  RETURN_IF_ERROR(admin.SetGrant({args.client, args.keyspace, AccessOf(args.access)},
                                 cluster.DefaultDeadline()));
  return kExitOk;
}

Result<int> Remove(client::RemoteCluster& cluster, const GrantArguments& args) {
  client::RemoteAdmin admin(cluster);
  RETURN_IF_ERROR(
      admin.SetGrant({args.client, args.keyspace, std::nullopt}, cluster.DefaultDeadline()));
  return kExitOk;
}

Result<int> List(client::RemoteCluster& cluster, const GrantArguments& args) {
  client::RemoteAdmin admin(cluster);
  ASSIGN_OR_RETURN(const auto grants, admin.ListGrants(args.client, cluster.DefaultDeadline()));
  if (args.store.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const client::Grant& grant : grants) {
      all.push_back({{"client", grant.client},
                     {"keyspace", grant.keyspace},
                     {"access", NameOf(grant.access)}});
    }
    RETURN_IF_ERROR(PrintJson(all));
    return kExitOk;
  }
  Print(fmt::format("{:<32} {:<32} {}\n", "CLIENT", "KEYSPACE", "ACCESS"));
  for (const client::Grant& grant : grants) {
    Print(fmt::format("{:<32} {:<32} {}\n", Shown(grant.client), Shown(grant.keyspace),
                      NameOf(grant.access)));
  }
  return kExitOk;
}

using Body = Result<int> (*)(client::RemoteCluster& cluster, const GrantArguments& args);

struct Declared {
  CLI::App* app;
  std::shared_ptr<GrantArguments> args;
  Command Runs(Body body) const {
    return {app, [args = args, body] {
              return RunOnCluster(args->store, [&](client::RemoteCluster& cluster) {
                return body(cluster, *args);
              });
            }};
  }
};

Declared Declare(CLI::App& group, const char* name, const char* what) {
  Declared declared{AddCommand(group, name, what), std::make_shared<GrantArguments>()};
  DeclareClusterOptions(*declared.app, declared.args->store);
  return declared;
}

}  // namespace

std::vector<Command> AddGrantCommands(CLI::App& root) {
  CLI::App& group = *AddCommand(root, "grant", "Which client may do what in which keyspace");
  group.require_subcommand(1);
  group.footer("Admins need no grant. Each level has those before it: read, write, admin.");
  const Declared set = Declare(group, "set", "Give a client a level, instead of the one it had");
  const Declared remove = Declare(group, "remove", "Take a client's grant away");
  const Declared list = Declare(group, "list", "Print all grants, or those of one client");
  for (const Declared& each : {set, remove}) {
    AddOption(*each.app, "CLIENT", each.args->client, "The name in its certificate")->required();
    AddOption(*each.app, "KEYSPACE", each.args->keyspace, "A name, or '*' for all")->required();
  }
  AddOption(*set.app, "ACCESS", set.args->access, "read, write or admin")
      ->check(OneOf({"read", "write", "admin"}))
      ->required();
  AddOption(*list.app, "CLIENT", list.args->client, "Only those of this client");
  return {set.Runs(Set), remove.Runs(Remove), list.Runs(List)};
}

}  // namespace metaring::ctl
