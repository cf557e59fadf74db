// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/fs.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "fusefs/ops/ops.h"
#include "kvnode/ctl/bytes_argument.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/fs_show.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

using fusefs::Context;
using fusefs::Follow;
using fusefs::Node;
using nlohmann::json;

constexpr uint64_t kBlocksAtOnce = 64;

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

Result<int> Stat(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, args.path, args.LastName()));
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

Result<int> List(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, args.path, Follow::kAll));
  if (!node.inode.IsDirectory()) {
    RETURN_IF_ERROR(PrintEntry(args.path, node.inode, args));
    return kExitOk;
  }
  fusefs::ReadDirRequest request;
  request.directory = node.inode.ino;
  request.attributes = true;
  for (bool end = false; !end;) {
    ASSIGN_OR_RETURN(const fusefs::ReadDirReply page, ReadDir(ctx, request));
    for (const fusefs::DirectoryEntry& entry : page.entries) {
      if (entry.node) RETURN_IF_ERROR(PrintEntry(entry.name, entry.node->inode, args));
    }
    end = page.end;
    if (!page.entries.empty()) request.after = page.entries.back().cookie;
  }
  return kExitOk;
}

Result<int> Cat(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, args.path, Follow::kAll));
  if (!node.inode.IsRegular()) {
    return Fail(ErrorCode::kInvalidArgument, Shown(args.path) + " is not a regular file");
  }
  const uint64_t block_bytes = ctx.volume.options.block_bytes;
  const auto size = static_cast<uint64_t>(node.inode.size);
  for (uint64_t first = 0; first * block_bytes < size; first += kBlocksAtOnce) {
    ASSIGN_OR_RETURN(const auto blocks, ReadBlocks(ctx, node, first, kBlocksAtOnce));
    // Holes and what a block does not store read as zeros.
    Bytes content(std::min(size - first * block_bytes, kBlocksAtOnce * block_bytes), '\0');
    for (const fusefs::Block& block : blocks) {
      const uint64_t at = (block.index - first) * block_bytes;
      if (at < content.size()) {
        const size_t length = std::min<size_t>(block.data.size(), content.size() - at);
        content.replace(at, length, block.data, 0, length);
      }
    }
    Print(content);
  }
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

Result<int> MakeOne(const Context& ctx, const FsArguments& args, uint32_t type, uint32_t mode) {
  ASSIGN_OR_RETURN(auto at, WalkToParent(ctx, args.path));
  fusefs::MakeRequest request;
  request.parent = at.parent;
  request.name = std::move(at.name);
  ASSIGN_OR_RETURN(mode, ParseMode(args.mode, mode));
  request.mode = type | mode;
  request.caller.uid = ::getuid();
  request.caller.gid = ::getgid();
  ASSIGN_OR_RETURN(const Node made, Make(ctx, request));
  if (args.store.json()) return PrintNode(made, args);
  return kExitOk;
}

Result<int> Mkdir(const Context& ctx, const FsArguments& args) {
  return MakeOne(ctx, args, S_IFDIR, 0755);
}

Result<int> CreateFile(const Context& ctx, const FsArguments& args) {
  return MakeOne(ctx, args, S_IFREG, 0644);
}

Result<int> Remove(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const auto at, WalkToParent(ctx, args.path));
  ASSIGN_OR_RETURN(const Node node, Lookup(ctx, at.parent, at.name));
  if (node.inode.IsDirectory()) {
    RETURN_IF_ERROR(Rmdir(ctx, at.parent, at.name));
    return kExitOk;
  }
  fusefs::UnlinkRequest request;
  request.parent = at.parent;
  request.name = at.name;
  RETURN_IF_ERROR(Unlink(ctx, request));
  // The content, which the removal only queued.
  RETURN_IF_ERROR(SweepVolume(ctx, /*orphans_too=*/false));
  return kExitOk;
}

Result<int> Move(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const auto from, WalkToParent(ctx, args.path));
  ASSIGN_OR_RETURN(const auto to, WalkToParent(ctx, args.new_path));
  fusefs::RenameRequest request;
  request.old_parent = from.parent;
  request.old_name = from.name;
  request.new_parent = to.parent;
  request.new_name = to.name;
  request.no_replace = args.no_replace;
  RETURN_IF_ERROR(Rename(ctx, request));
  RETURN_IF_ERROR(SweepVolume(ctx, /*orphans_too=*/false));
  return kExitOk;
}

// --- xattrs --------------------------------------------------------------------------------------

Result<int> XattrList(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, args.path, args.LastName()));
  ASSIGN_OR_RETURN(const auto names, ListXattr(ctx, node.ref()));
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

Result<int> XattrGet(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, args.path, args.LastName()));
  ASSIGN_OR_RETURN(const Bytes value, GetXattr(ctx, node.ref(), args.name));
  if (args.store.json()) {
    RETURN_IF_ERROR(PrintJson({{"value", args.hex ? ToHex(value) : value}}));
  } else {
    Print(args.hex ? ToHex(value) + "\n" : value);
  }
  return kExitOk;
}

Result<int> XattrSet(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, args.path, args.LastName()));
  fusefs::SetXattrRequest request;
  request.ref = node.ref();
  request.name = args.name;
  if (args.value_file.empty()) {
    ASSIGN_OR_RETURN(request.value, ParseBytes(args.value, args.hex));
  } else {
    ASSIGN_OR_RETURN(request.value, ReadBytes(args.value_file, 1 << 20));
  }
  RETURN_IF_ERROR(SetXattr(ctx, request));
  return kExitOk;
}

Result<int> XattrRemove(const Context& ctx, const FsArguments& args) {
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, args.path, args.LastName()));
  RETURN_IF_ERROR(RemoveXattr(ctx, node.ref(), args.name));
  return kExitOk;
}

// --- declarations --------------------------------------------------------------------------------

using Body = Result<int> (*)(const Context& ctx, const FsArguments& args);

Result<int> RunOnVolume(client::Kv& kv, Body body, const FsArguments& args) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const fusefs::Volume volume, fusefs::LoadVolume(kv));
  fusefs::InoAllocator inos(kv);
  return body({kv, volume, inos, clock}, args);
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
