// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/kv.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "kvnode/client/kv.h"
#include "kvnode/ctl/bytes_argument.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

struct KvArguments {
  StoreOptions store;
  std::string keyspace;
  std::string key;
  std::string value;
  std::string value_file;
  std::string prefix;
  std::string begin;
  std::string end;
  uint64_t limit = 0;  // 0: all
  bool keys_only = false;
  bool hex = false;
};

std::string Spelled(ByteView bytes, bool hex) {
  return hex ? ToHex(bytes) : std::string(bytes);
}

nlohmann::json ToJson(ByteView key, const client::Record& record, const KvArguments& args) {
  nlohmann::json item = {{"key", Spelled(key, args.hex)}, {"version", record.version}};
  if (!args.keys_only) item["value"] = Spelled(record.value, args.hex);
  return item;
}

Result<int> Get(client::Kv& kv, const KvArguments& args) {
  ASSIGN_OR_RETURN(const Bytes key, ParseBytes(args.key, args.hex));
  ASSIGN_OR_RETURN(const auto record, kv.Get(key));
  if (!record) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("there is no key '{}' in keyspace {}", Shown(key), args.keyspace));
  }
  if (args.store.json()) {
    RETURN_IF_ERROR(PrintJson(ToJson(key, *record, args)));
  } else if (args.hex) {
    Print(ToHex(record->value) + "\n");
  } else {
    Print(record->value);
  }
  return kExitOk;
}

Result<int> Put(client::Kv& kv, const KvArguments& args) {
  ASSIGN_OR_RETURN(const Bytes key, ParseBytes(args.key, args.hex));
  Bytes value;
  if (args.value_file.empty()) {
    ASSIGN_OR_RETURN(value, ParseBytes(args.value, args.hex));
  } else {
    ASSIGN_OR_RETURN(value, ReadBytes(args.value_file, state::kValueBytesMax));
  }
  ASSIGN_OR_RETURN(const uint64_t version, kv.Put(key, value));
  if (args.store.json()) RETURN_IF_ERROR(PrintJson({{"version", version}}));
  return kExitOk;
}

Result<int> Delete(client::Kv& kv, const KvArguments& args) {
  ASSIGN_OR_RETURN(const Bytes key, ParseBytes(args.key, args.hex));
  ASSIGN_OR_RETURN(const bool existed, kv.Delete(key));
  if (args.store.json()) RETURN_IF_ERROR(PrintJson({{"existed", existed}}));
  if (existed) return kExitOk;
  return Fail(ErrorCode::kNotFound,
              fmt::format("there is no key '{}' in keyspace {}", Shown(key), args.keyspace));
}

Status PrintItem(const client::ScanItem& item, const KvArguments& args) {
  if (args.store.json()) {
    nlohmann::json json = ToJson(item.key, item.record, args);
    if (item.damaged) json["damaged"] = true;
    return PrintJson(json);
  }
  const auto shown = [&](ByteView bytes) { return args.hex ? ToHex(bytes) : Shown(bytes); };
  std::string line = shown(item.key);
  if (item.damaged) {
    line += "\t(damaged)";
  } else if (!args.keys_only) {
    line += "\t" + shown(item.record.value);
  }
  Print(line + "\n");
  return {};
}

Result<int> Scan(client::Kv& kv, const KvArguments& args) {
  client::ScanRequest request;
  ASSIGN_OR_RETURN(request.begin,
                   ParseBytes(args.begin.empty() ? args.prefix : args.begin, args.hex));
  ASSIGN_OR_RETURN(request.end, ParseBytes(args.end, args.hex));
  request.keys_only = args.keys_only;
  request.keep_damaged = true;
  uint64_t left = args.limit == 0 ? UINT64_MAX : args.limit;
  bool damaged = false;
  do {
    request.limit = std::min<uint64_t>(left, 1000);
    ASSIGN_OR_RETURN(client::ScanPage page, kv.Scan(request));
    for (const client::ScanItem& item : page.items) {
      damaged = damaged || item.damaged;
      RETURN_IF_ERROR(PrintItem(item, args));
    }
    left -= page.items.size();
    request.cursor = std::move(page.cursor);
  } while (!request.cursor.empty() && left > 0);
  if (damaged) return Fail(ErrorCode::kCorrupt, "records with a wrong checksum are marked");
  return kExitOk;
}

using Body = Result<int> (*)(client::Kv& kv, const KvArguments& args);

// A subcommand on one keyspace.
struct Declared {
  CLI::App* app;
  std::shared_ptr<KvArguments> args;
  Command Runs(Body body) const {
    return {app, [args = args, body] {
              return RunOnKeyspace(args->store, args->keyspace,
                                   [&](client::Kv& kv) { return body(kv, *args); });
            }};
  }
};

Declared Declare(CLI::App& root, const char* name, const char* what) {
  Declared declared{AddCommand(root, name, what), std::make_shared<KvArguments>()};
  KvArguments& args = *declared.args;
  DeclareStoreOptions(*declared.app, args.store);
  AddOption(*declared.app, "KEYSPACE", args.keyspace, "The keyspace")->required();
  AddFlag(*declared.app, "--hex", args.hex,
          "Keys and values are hexadecimal digits, given and printed");
  return declared;
}

}  // namespace

std::vector<Command> AddKvCommands(CLI::App& root) {
  const Declared get = Declare(root, "get", "Print the value of a key, as it is");
  AddOption(*get.app, "KEY", get.args->key, "The key")->required();
  get.app->footer("Exit status: 0, 1 when there is no such key, 2 wrong usage.");

  const Declared put = Declare(root, "put", "Set the value of a key");
  AddOption(*put.app, "KEY", put.args->key, "The key, up to 1 MiB")->required();
  auto* value = AddGroup(*put.app, "value")->require_option(1);
  AddOption(*value, "VALUE", put.args->value, "The value");
  AddOption(*value, "--value-file", put.args->value_file,
            "The value is this file's content, up to 16 MiB; - is stdin");

  const Declared remove = Declare(root, "delete", "Delete a key");
  AddOption(*remove.app, "KEY", remove.args->key, "The key")->required();
  remove.app->footer("Exit status: 0, 1 when there was no such key, 2 wrong usage.");

  const Declared scan = Declare(root, "scan", "Print keys and values in the order of the keys");
  AddOption(*scan.app, "PREFIX", scan.args->prefix, "Only keys that start with it");
  CLI::Option* begin =
      AddOption(*scan.app, "--begin", scan.args->begin, "From this key on")->excludes("PREFIX");
  CLI::Option* end = AddOption(*scan.app, "--end", scan.args->end, "Up to, without, this key");
  end->needs(begin);
  begin->needs(end);
  AddOption(*scan.app, "--limit", scan.args->limit, "At most so many");
  AddFlag(*scan.app, "--keys-only", scan.args->keys_only, "Leave the values out");
  scan.app->footer(
      "A line each: the key, a tab, the value; what is not printable as \\xHH. With -o json an\n"
      "object a line.");
  return {get.Runs(Get), put.Runs(Put), remove.Runs(Delete), scan.Runs(Scan)};
}

}  // namespace metaring::ctl
