// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/keyspace.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

struct KeyspaceArguments {
  StoreOptions store;
  std::string name;
  std::string mode = "strong";
  std::string write_ack = "majority";
  std::string placement = "key";
  std::string compression = "none";
  client::KeyspaceOptions options;
};

const char* NameOf(client::Mode mode) {
  return mode == client::Mode::kEventual ? "eventual" : "strong";
}
const char* NameOf(client::WriteAck write_ack) {
  return write_ack == client::WriteAck::kAllInSync ? "all_in_sync" : "majority";
}
const char* NameOf(client::Placement placement) {
  return placement == client::Placement::kParent ? "parent" : "key";
}
const char* NameOf(client::Compression compression) {
  return compression == client::Compression::kZstd ? "zstd" : "none";
}

client::KeyspaceOptions OptionsOf(const KeyspaceArguments& args) {
  client::KeyspaceOptions options = args.options;
  if (args.mode == "eventual") options.mode = client::Mode::kEventual;
  if (args.write_ack == "all_in_sync") options.write_ack = client::WriteAck::kAllInSync;
  if (args.placement == "parent") options.placement = client::Placement::kParent;
  if (args.compression == "zstd") options.compression = client::Compression::kZstd;
  return options;
}

nlohmann::json ToJson(const client::KeyspaceInfo& info) {
  return {{"name", info.name},
          {"mode", NameOf(info.options.mode)},
          {"replicas", info.options.replicas},
          {"write_ack", NameOf(info.options.write_ack)},
          {"placement", NameOf(info.options.placement)},
          {"compression", NameOf(info.options.compression)},
          {"compression_bytes_min", info.options.compression_bytes_min}};
}

Result<int> Create(Store& store, const KeyspaceArguments& args) {
  RETURN_IF_ERROR(store.Create(args.name, OptionsOf(args)));
  return kExitOk;
}

Result<int> List(Store& store, const KeyspaceArguments& args) {
  ASSIGN_OR_RETURN(const auto keyspaces, store.List());
  if (args.store.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const client::KeyspaceInfo& info : keyspaces) all.push_back(ToJson(info));
    RETURN_IF_ERROR(PrintJson(all));
    return kExitOk;
  }
  constexpr auto kRow = "{:<32} {:<8} {:>8} {:<11} {:<9} {:<11} {:>10}\n";
  Print(fmt::format(kRow, "NAME", "MODE", "REPLICAS", "WRITE ACK", "PLACEMENT", "COMPRESSION",
                    "FROM BYTES"));
  for (const client::KeyspaceInfo& info : keyspaces) {
    const client::KeyspaceOptions& options = info.options;
    const bool compressed = options.compression != client::Compression::kNone;
    Print(fmt::format(kRow, info.name, NameOf(options.mode), options.replicas,
                      NameOf(options.write_ack), NameOf(options.placement),
                      NameOf(options.compression),
                      compressed ? std::to_string(options.compression_bytes_min) : "-"));
  }
  return kExitOk;
}

Result<int> Show(Store& store, const KeyspaceArguments& args) {
  ASSIGN_OR_RETURN(const auto keyspaces, store.List());
  for (const client::KeyspaceInfo& info : keyspaces) {
    if (info.name != args.name) continue;
    const nlohmann::json properties = ToJson(info);
    if (args.store.json()) {
      RETURN_IF_ERROR(PrintJson(properties));
      return kExitOk;
    }
    for (const auto& [name, value] : properties.items()) {
      Print(fmt::format("{:<22} {}\n", name,
                        value.is_string() ? value.get<std::string>() : value.dump()));
    }
    return kExitOk;
  }
  return Fail(ErrorCode::kNotFound, "there is no keyspace \"" + Escaped(args.name) + "\"");
}

Result<int> Drop(Store& store, const KeyspaceArguments& args) {
  RETURN_IF_ERROR(store.Drop(args.name));
  return kExitOk;
}

using Body = Result<int> (*)(Store& store, const KeyspaceArguments& args);

struct Declared {
  CLI::App* app;
  std::shared_ptr<KeyspaceArguments> args;
  Command Runs(store::IfMissing if_missing, Body body) const {
    return {app, [args = args, if_missing, body] {
              return RunOnStore(args->store, if_missing,
                                [&](Store& store) { return body(store, *args); });
            }};
  }
};

Declared Declare(CLI::App& group, const char* name, const char* what, bool named) {
  Declared declared{AddCommand(group, name, what), std::make_shared<KeyspaceArguments>()};
  DeclareStoreOptions(*declared.app, declared.args->store);
  if (named) AddOption(*declared.app, "NAME", declared.args->name, "The keyspace")->required();
  return declared;
}

void DeclareCreateOptions(const Declared& create) {
  KeyspaceArguments& args = *create.args;
  const auto one_of = [&](const char* name, std::string& value, const char* what,
                          const std::vector<std::string>& values) {
    AddOption(*create.app, name, value, what)->check(OneOf(values))->capture_default_str();
  };
  one_of("--mode", args.mode, "strong or eventual, fixed at creation", {"strong", "eventual"});
  AddOption(*create.app, "--replicas", args.options.replicas,
            "Wanted; no more than there are nodes")
      ->check(InRange(1U, client::kReplicasMax))
      ->capture_default_str();
  one_of("--write-ack", args.write_ack, "Who has a write before it is answered",
         {"majority", "all_in_sync"});
  one_of("--placement", args.placement,
         "What is hashed: the key, or the key up to its last '/', fixed at creation",
         {"key", "parent"});
  one_of("--compression", args.compression, "none or zstd, fixed at creation", {"none", "zstd"});
  AddOption(*create.app, "--compression-bytes-min", args.options.compression_bytes_min,
            "Smaller values are stored as they are")
      ->capture_default_str();
}

}  // namespace

std::vector<Command> AddKeyspaceCommands(CLI::App& root) {
  CLI::App& group = *AddCommand(root, "keyspace", "The keyspaces of a store");
  group.require_subcommand(1);
  const Declared create =
      Declare(group, "create", "Make a keyspace, and the store if need be", true);
  DeclareCreateOptions(create);
  const Declared list = Declare(group, "list", "Name all, with their properties", false);
  const Declared show = Declare(group, "show", "Print the properties of one", true);
  const Declared drop = Declare(group, "drop", "Remove a keyspace and all that is in it", true);
  return {create.Runs(store::IfMissing::kCreate, Create), list.Runs(store::IfMissing::kFail, List),
          show.Runs(store::IfMissing::kFail, Show), drop.Runs(store::IfMissing::kFail, Drop)};
}

}  // namespace metaring::ctl
