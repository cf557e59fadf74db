// SPDX-License-Identifier: Apache-2.0
//
// What the commands on a store share: where it is, how it is opened, how results are written.
#ifndef METARING_KVNODE_CTL_STORE_ACCESS_H_
#define METARING_KVNODE_CTL_STORE_ACCESS_H_

#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kvnode/base/clock.h"
#include "kvnode/client/embedded.h"

namespace metaring::ctl {

// The options that every command on a store has.
struct StoreOptions {
  std::string endpoints;  // embedded:DIR
  std::string output = "table";
  bool json() const { return output == "json"; }
};

// Declares -e and -o on a command. -e may also come from METARING_ENDPOINTS.
void DeclareStoreOptions(CLI::App& command, StoreOptions& options);

// kInvalidArgument names what endpoints look like; kBusy: another process has it open.
Result<std::unique_ptr<client::Embedded>> OpenStore(const std::string& endpoints,
                                                    store::IfMissing if_missing,
                                                    const Clock& clock);

// Runs `body` on the opened keyspace and turns its outcome into an exit status, with the error's
// line on stderr. Every command on a store ends in one of these two.
int RunOnStore(const StoreOptions& options, store::IfMissing if_missing,
               const std::function<Result<int>(client::Embedded& store)>& body);
int RunOnKeyspace(const StoreOptions& options, const std::string& keyspace,
                  const std::function<Result<int>(client::Kv& kv)>& body);

// To stdout or stderr; a reader that went away is not an error.
void Print(const std::string& text);
void PrintError(const Error& error);
// One line. kInvalidArgument when a string in it is not UTF-8: JSON cannot carry it.
Status PrintJson(const nlohmann::json& value);

// `bytes` as the table output shows them: printable text, everything else as \xHH.
std::string Shown(ByteView bytes);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_STORE_ACCESS_H_
