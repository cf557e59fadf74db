// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/fs.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fusefs/path/files.h"
#include "kvnode/ctl/bytes_argument.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/fs_show.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

using fusefs::Files;
using fusefs::Follow;
using fusefs::Node;
using nlohmann::json;

struct FsArguments {
  StoreOptions store;
  std::string volume;
  std::string path = "/";
  std::string new_path;
  std::string name;  // of an xattr
  std::string value;
  std::string value_file;
  std::string mode;  // octal digits
  bool follow = false;
  bool no_replace = false;
  bool hex = false;
  Follow LastName() const { return follow ? Follow::kAll : Follow::kNotLast; }
};

Result<int> PrintNode(const Node& node, const FsArguments& args) {
  if (args.store.json()) {
    RETURN_IF_ERROR(PrintJson(ToJson(node.inode)));
  } else {
    Print(StatText(args.path, node.inode));
  }
  return kExitOk;
}

Result<int> Stat(Files& files, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, files.Stat(args.path, args.LastName()));
  return PrintNode(node, args);
}

Status PrintEntry(const std::string& name, const fusefs::Inode& inode, const FsArguments& args) {
  if (!args.store.json()) {
    Print(ListingLine(name, inode) + "\n");
    return {};
  }
  json entry = ToJson(inode);
  entry["name"] = Shown(name);
  return PrintJson(entry);
}

Result<int> List(Files& files, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, files.Stat(args.path, Follow::kAll));
  if (!node.inode.IsDirectory()) {
    RETURN_IF_ERROR(PrintEntry(args.path, node.inode, args));
    return kExitOk;
  }
  RETURN_IF_ERROR(files.List(args.path, [&](const fusefs::DirectoryEntry& entry) {
    return PrintEntry(entry.name, entry.node->inode, args);
  }));
  return kExitOk;
}

Result<int> Cat(Files& files, const FsArguments& args) {
  RETURN_IF_ERROR(files.Read(args.path, [](ByteView piece) -> Status {
    Print(std::string(piece));
    return {};
  }));
  return kExitOk;
}

Result<uint32_t> ParseMode(const std::string& octal, uint32_t fallback) {
  if (octal.empty()) return fallback;
  char* end = nullptr;
  const unsigned long mode = std::strtoul(octal.c_str(), &end, 8);
  if (*end != '\0' || mode > 07777) {
    return Fail(ErrorCode::kInvalidArgument, "--mode: octal digits up to 7777");
  }
  return static_cast<uint32_t>(mode);
}

Result<int> MakeOne(Files& files, const FsArguments& args, uint32_t type, uint32_t mode) {
  ASSIGN_OR_RETURN(mode, ParseMode(args.mode, mode));
  fusefs::Caller caller;
  caller.uid = ::getuid();
  caller.gid = ::getgid();
  ASSIGN_OR_RETURN(const Node made, files.Make(args.path, type | mode, caller));
  if (args.store.json()) return PrintNode(made, args);
  return kExitOk;
}

Result<int> Mkdir(Files& files, const FsArguments& args) {
  return MakeOne(files, args, S_IFDIR, 0755);
}

Result<int> CreateFile(Files& files, const FsArguments& args) {
  return MakeOne(files, args, S_IFREG, 0644);
}

Result<int> Remove(Files& files, const FsArguments& args) {
  RETURN_IF_ERROR(files.Remove(args.path));
  return kExitOk;
}

Result<int> Move(Files& files, const FsArguments& args) {
  RETURN_IF_ERROR(files.Rename(args.path, args.new_path, args.no_replace));
  return kExitOk;
}

// --- xattrs --------------------------------------------------------------------------------------

Result<int> XattrList(Files& files, const FsArguments& args) {
  ASSIGN_OR_RETURN(const auto names, files.ListXattr(args.path, args.LastName()));
  json all = json::array();
  for (const std::string& name : names) {
    if (args.store.json()) {
      all.push_back(Shown(name));
    } else {
      Print(Shown(name) + "\n");
    }
  }
  if (args.store.json()) RETURN_IF_ERROR(PrintJson(all));
  return kExitOk;
}

Result<int> XattrGet(Files& files, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Bytes value, files.GetXattr(args.path, args.name, args.LastName()));
  if (args.store.json()) {
    RETURN_IF_ERROR(PrintJson({{"value", args.hex ? ToHex(value) : value}}));
  } else {
    Print(args.hex ? ToHex(value) + "\n" : value);
  }
  return kExitOk;
}

Result<int> XattrSet(Files& files, const FsArguments& args) {
  fusefs::SetXattrRequest request;
  request.name = args.name;
  if (args.value_file.empty()) {
    ASSIGN_OR_RETURN(request.value, ParseBytes(args.value, args.hex));
  } else {
    ASSIGN_OR_RETURN(request.value, ReadBytes(args.value_file, 1 << 20));
  }
  RETURN_IF_ERROR(files.SetXattr(args.path, std::move(request), args.LastName()));
  return kExitOk;
}

Result<int> XattrRemove(Files& files, const FsArguments& args) {
  RETURN_IF_ERROR(files.RemoveXattr(args.path, args.name, args.LastName()));
  return kExitOk;
}

// --- declarations --------------------------------------------------------------------------------

using Body = Result<int> (*)(Files& files, const FsArguments& args);

Result<int> RunOnVolume(client::Kv& kv, Body body, const FsArguments& args) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto files, Files::Open(kv, clock));
  return body(*files, args);
}

struct Declared {
  CLI::App* app;
  std::shared_ptr<FsArguments> args;
  Command Runs(Body body) const {
    return {app, [args = args, body] {
              return RunOnKeyspace(args->store, args->volume,
                                   [&](client::Kv& kv) { return RunOnVolume(kv, body, *args); });
            }};
  }
};

Declared Declare(CLI::App& group, const char* name, const char* what) {
  Declared declared{AddCommand(group, name, what), std::make_shared<FsArguments>()};
  DeclareStoreOptions(*declared.app, declared.args->store);
  AddOption(*declared.app, "VOLUME", declared.args->volume, "The volume")->required();
  CLI::Option* path =
      AddOption(*declared.app, "PATH", declared.args->path, "From the root of the volume");
  if (std::string_view(name) != "ls") path->required();
  return declared;
}

void DeclareFollow(const Declared& declared) {
  AddFlag(*declared.app, "-L,--follow", declared.args->follow,
          "What a symbolic link points to, not the link");
}

std::vector<Command> AddXattrCommands(CLI::App& fs) {
  CLI::App& group = *AddCommand(fs, "xattr", "Extended attributes");
  group.require_subcommand(1);
  const Declared list = Declare(group, "list", "Their names");
  const Declared get = Declare(group, "get", "The value of one, as it is");
  const Declared set = Declare(group, "set", "Set one");
  const Declared remove = Declare(group, "remove", "Remove one");
  for (const Declared& each : {list, get, set, remove}) DeclareFollow(each);
  for (const Declared& each : {get, set, remove}) {
    AddOption(*each.app, "NAME", each.args->name, "With its namespace: user.colour")->required();
  }
  for (const Declared& each : {get, set}) {
    AddFlag(*each.app, "--hex", each.args->hex, "The value is hexadecimal digits");
  }
  auto* value = AddGroup(*set.app, "value")->require_option(1);
  AddOption(*value, "VALUE", set.args->value, "The value, up to 64 KiB");
  AddOption(*value, "--value-file", set.args->value_file, "This file's content; - is stdin");
  return {list.Runs(XattrList), get.Runs(XattrGet), set.Runs(XattrSet), remove.Runs(XattrRemove)};
}

}  // namespace

std::vector<Command> AddFsCommands(CLI::App& root) {
  CLI::App& group = *AddCommand(root, "fs", "Files of a volume by path, without a mount");
  group.require_subcommand(1);
  group.footer("Permissions are not looked at. Paths begin at the root of the volume.");
  const Declared stat = Declare(group, "stat", "Attributes");
  DeclareFollow(stat);
  const Declared list =
      Declare(group, "ls", "The entries of a directory with attributes, unsorted");
  const Declared cat = Declare(group, "cat", "The content of a file");
  const Declared mkdir = Declare(group, "mkdir", "Make a directory");
  const Declared create = Declare(group, "create", "Make an empty file");
  for (const Declared& each : {mkdir, create}) {
    AddOption(*each.app, "--mode", each.args->mode, "Permission bits, octal");
  }
  const Declared remove = Declare(group, "rm", "Remove a file or an empty directory");
  const Declared move = Declare(group, "mv", "Rename, replacing what has the new name");
  AddOption(*move.app, "NEW_PATH", move.args->new_path, "The new path")->required();
  AddFlag(*move.app, "--no-replace", move.args->no_replace, "Fail when the new name exists");
  std::vector<Command> all = {stat.Runs(Stat),   list.Runs(List),         cat.Runs(Cat),
                              mkdir.Runs(Mkdir), create.Runs(CreateFile), remove.Runs(Remove),
                              move.Runs(Move)};
  for (Command& command : AddXattrCommands(group)) all.push_back(std::move(command));
  return all;
}

}  // namespace metaring::ctl
