// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/volume.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "fusefs/ops/ops.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/fs_show.h"
#include "kvnode/ctl/store_access.h"
#include "kvnode/ctl/volume_copy.h"

namespace metaring::ctl {
namespace {

using fusefs::Volume;
using fusefs::VolumeOptions;
using nlohmann::json;

struct VolumeArguments {
  StoreOptions store;
  std::string name;
  std::string copy_name;
  std::string copy_endpoints;
  VolumeOptions options;
};

struct Described {
  std::string name;
  Volume volume;
  fusefs::VolumeUsage usage;
};

Result<Described> Describe(Store& store, const std::string& name) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto kv, store.Open(name));
  ASSIGN_OR_RETURN(Volume volume, fusefs::LoadVolume(*kv));
  fusefs::InoAllocator inos(*kv);
  ASSIGN_OR_RETURN(const auto usage, fusefs::StatVolume({*kv, volume, inos, clock}));
  return Described{name, std::move(volume), usage};
}

json ToJson(const Described& described) {
  const VolumeOptions& options = described.volume.options;
  return {{"name", described.name},
          {"id", described.volume.id},
          {"created", TimeText(described.volume.created)},
          {"block_size", options.block_bytes},
          {"small_limit", options.small_bytes_max},
          {"max_bytes", options.bytes_max},
          {"max_inodes", options.inodes_max},
          {"bytes_used", described.usage.bytes_used},
          {"inodes_used", described.usage.inodes_used}};
}

Result<int> Create(Store& store, const VolumeArguments& args) {
  const SystemClock clock;
  RETURN_IF_ERROR(store.Create(args.name, client::VolumeKeyspaceOptions()));
  ASSIGN_OR_RETURN(const auto kv, store.Open(args.name));
  VolumeOptions options = args.options;
  options.root_uid = ::getuid();
  options.root_gid = ::getgid();
  if (const auto made = fusefs::FormatVolume(*kv, options, clock); !made) {
    (void)store.Drop(args.name);  // the first error is the one to tell
    return Fail(made.error());
  }
  return kExitOk;
}

Result<int> List(Store& store, const VolumeArguments& args) {
  ASSIGN_OR_RETURN(const auto keyspaces, store.List());
  json all = json::array();
  if (!args.store.json()) {
    Print(fmt::format("{:<32} {:>15} {:>12}  {}\n", "NAME", "BYTES USED", "INODES", "CREATED"));
  }
  for (const client::KeyspaceInfo& info : keyspaces) {
    const auto described = Describe(store, info.name);
    if (!described && described.error().code == ErrorCode::kNotFound) continue;  // no volume
    if (!described) return Fail(described.error());
    if (args.store.json()) {
      all.push_back(ToJson(*described));
    } else {
      Print(fmt::format("{:<32} {:>15} {:>12}  {}\n", info.name, described->usage.bytes_used,
                        described->usage.inodes_used, TimeText(described->volume.created)));
    }
  }
  if (args.store.json()) RETURN_IF_ERROR(PrintJson(all));
  return kExitOk;
}

Result<int> Show(Store& store, const VolumeArguments& args) {
  ASSIGN_OR_RETURN(const Described described, Describe(store, args.name));
  const json properties = ToJson(described);
  if (args.store.json()) {
    RETURN_IF_ERROR(PrintJson(properties));
    return kExitOk;
  }
  for (const auto& [name, value] : properties.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const bool unbounded = name.starts_with("max_") && text == "0";
    Print(fmt::format("{:<12} {}\n", name, unbounded ? "none" : text));
  }
  return kExitOk;
}

Result<int> Delete(Store& store, const VolumeArguments& args) {
  {
    ASSIGN_OR_RETURN(const auto kv, store.Open(args.name));
    RETURN_IF_ERROR(fusefs::LoadVolume(*kv));
  }
  RETURN_IF_ERROR(store.Drop(args.name));
  return kExitOk;
}

Result<int> CopyInto(Store& from, Store& to, const VolumeArguments& args) {
  ASSIGN_OR_RETURN(const client::KeyspaceInfo info, from.Find(args.name));
  ASSIGN_OR_RETURN(const auto source, from.Open(args.name));
  RETURN_IF_ERROR(fusefs::LoadVolume(*source));
  RETURN_IF_ERROR(to.Create(args.copy_name, info.options));
  Result<Copied> copied = Fail(ErrorCode::kInternal, "");
  {
    ASSIGN_OR_RETURN(const auto target, to.Open(args.copy_name));
    copied = CopyRecords(*source, *target);
  }
  if (!copied) {
    (void)to.Drop(args.copy_name);  // the first error is the one to tell
    return Fail(std::move(copied).error());
  }
  if (args.store.json()) {
    RETURN_IF_ERROR(PrintJson({{"records", copied->records}, {"bytes", copied->bytes}}));
  } else {
    Print(fmt::format("{} records of {} bytes copied\n", copied->records, copied->bytes));
  }
  return kExitOk;
}

Result<int> Copy(Store& store, const VolumeArguments& args) {
  if (args.copy_endpoints.empty()) return CopyInto(store, store, args);
  const SystemClock clock;
  StoreOptions options = args.store;
  options.endpoints = args.copy_endpoints;
  ASSIGN_OR_RETURN(const auto target, OpenStore(options, store::IfMissing::kCreate, clock));
  return CopyInto(store, *target, args);
}

using Body = Result<int> (*)(Store& store, const VolumeArguments& args);

struct Declared {
  CLI::App* app;
  std::shared_ptr<VolumeArguments> args;
  Command Runs(Body body, store::IfMissing if_missing = store::IfMissing::kFail) const {
    return {app, [args = args, if_missing, body] {
              return RunOnStore(args->store, if_missing,
                                [&](Store& store) { return body(store, *args); });
            }};
  }
};

Declared Declare(CLI::App& group, const char* name, const char* what, bool named = true) {
  Declared declared{AddCommand(group, name, what), std::make_shared<VolumeArguments>()};
  DeclareStoreOptions(*declared.app, declared.args->store);
  if (named) AddOption(*declared.app, "NAME", declared.args->name, "The volume")->required();
  return declared;
}

void DeclareCreateOptions(const Declared& create) {
  VolumeOptions& options = create.args->options;
  const auto size = [&](const char* name, auto& value, const char* what) {
    AddOption(*create.app, name, value, what)->transform(Size());
  };
  size("--block-size", options.block_bytes, "Of content; 4K to 512K, a power of two [64K]");
  size("--small-limit", options.small_bytes_max, "Content up to this lies beside the entry [4K]");
  size("--max-bytes", options.bytes_max, "Bound of all content [none]");
  size("--max-inodes", options.inodes_max, "Bound of files and directories [none]");
}

}  // namespace

std::vector<Command> AddVolumeCommands(CLI::App& root) {
  CLI::App& group = *AddCommand(root, "volume", "The volumes of a store");
  group.require_subcommand(1);
  const Declared create = Declare(group, "create", "Make a volume, and the store if need be");
  DeclareCreateOptions(create);
  const Declared list = Declare(group, "list", "Name all, with what they hold", false);
  const Declared show = Declare(group, "show", "Print the properties of one");
  const Declared remove = Declare(group, "delete", "Remove a volume and all that is in it");
  const Declared copy = Declare(group, "copy", "Copy a volume under a new name");
  AddOption(*copy.app, "NEW_NAME", copy.args->copy_name, "The copy; must not exist")->required();
  AddOption(*copy.app, "--to", copy.args->copy_endpoints,
            "The store of the copy, as -e names one; a directory is made if need be "
            "(default: the same)");
  return {create.Runs(Create, store::IfMissing::kCreate), list.Runs(List), show.Runs(Show),
          remove.Runs(Delete), copy.Runs(Copy)};
}

}  // namespace metaring::ctl
