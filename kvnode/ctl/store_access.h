// SPDX-License-Identifier: Apache-2.0
//
// What the commands on a store share: where it is, how it is opened, how results are written.
//
// Where it is: `-e` and `--ca --cert --key`, else `kvctl --config FILE`, else the environment, else
// the user's own client configuration. What is said of a later one completes what an earlier one
// left open, but next to `--config FILE` the environment is not looked at.
#ifndef METARING_KVNODE_CTL_STORE_ACCESS_H_
#define METARING_KVNODE_CTL_STORE_ACCESS_H_

#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kvnode/base/clock.h"
#include "kvnode/ctl/store.h"

namespace metaring::ctl {

// The options that every command on a store has.
struct StoreOptions {
  std::string endpoints;  // embedded:DIR, or HOST:PORT[,HOST:PORT...]
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  const CLI::Option* config = nullptr;  // kvctl's own; owned by the parser's root
  std::string output = "table";
  bool json() const { return output == "json"; }
};

// Declares --config on kvctl itself, before the commands are declared.
void DeclareConfigOption(CLI::App& root);
// Declares -e, --ca, --cert, --key and -o on a command on a store.
void DeclareStoreOptions(CLI::App& command, StoreOptions& options);
// The same without embedded:DIR, for what only a cluster has.
void DeclareClusterOptions(CLI::App& command, StoreOptions& options);

// How to reach the cluster that the options name. kInvalidArgument for what is missing.
Result<client::RemoteOptions> ClusterOptionsOf(const StoreOptions& options);
// kInvalidArgument names what endpoints look like; kBusy: another process has it open.
Result<std::unique_ptr<Store>> OpenStore(const StoreOptions& options, store::IfMissing if_missing,
                                         const Clock& clock);

// Runs `body` on what was opened and turns its outcome into an exit status, with the error's line
// on stderr. Every command on a store ends in one of these.
int RunOnStore(const StoreOptions& options, store::IfMissing if_missing,
               const std::function<Result<int>(Store& store)>& body);
int RunOnKeyspace(const StoreOptions& options, const std::string& keyspace,
                  const std::function<Result<int>(client::Kv& kv)>& body);
int RunOnCluster(const StoreOptions& options,
                 const std::function<Result<int>(client::RemoteCluster& cluster)>& body);
// Of any command: 0 or what it says, after the error's line kExitFailure or kExitUsage.
int ExitStatusOf(const Result<int>& outcome);

// To stdout or stderr; a reader that went away is not an error.
void Print(const std::string& text);
void PrintError(const Error& error);
// One line. kInvalidArgument when a string in it is not UTF-8: JSON cannot carry it.
Status PrintJson(const nlohmann::json& value);

// `bytes` as the table output shows them: printable text, everything else as \xHH.
std::string Shown(ByteView bytes);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_STORE_ACCESS_H_
