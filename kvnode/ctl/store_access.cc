// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/store_access.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "kvnode/base/logging.h"
#include "kvnode/ctl/exit_status.h"

namespace metaring::ctl {
namespace {

constexpr std::string_view kEmbedded = "embedded:";

int Ended(const Result<int>& outcome) {
  if (outcome) return *outcome;
  PrintError(outcome.error());
  return outcome.error().code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailure;
}

}  // namespace

void DeclareStoreOptions(CLI::App& command, StoreOptions& options) {
  command
      .add_option("-e,--endpoints", options.endpoints,
                  "Where the store is: embedded:DIR, a directory that is not mounted")
      ->envname("METARING_ENDPOINTS")
      ->required();
  command.add_option("-o,--output", options.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

Result<std::unique_ptr<client::Embedded>> OpenStore(const std::string& endpoints,
                                                    store::IfMissing if_missing,
                                                    const Clock& clock) {
  if (!endpoints.starts_with(kEmbedded) || endpoints.size() == kEmbedded.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("endpoints '{}' are not of the form embedded:DIR", Escaped(endpoints)));
  }
  client::EmbeddedOptions options;
  options.if_missing = if_missing;
  return client::OpenEmbedded(endpoints.substr(kEmbedded.size()), options, clock);
}

int RunOnStore(const StoreOptions& options, store::IfMissing if_missing,
               const std::function<Result<int>(client::Embedded& store)>& body) {
  if (const Status logging = InitLogging("", LogLevel::kWarn); !logging) {
    return Ended(Fail(logging.error()));
  }
  const SystemClock clock;
  auto store = OpenStore(options.endpoints, if_missing, clock);
  if (!store) return Ended(Fail(store.error()));
  return Ended(body(**store));
}

int RunOnKeyspace(const StoreOptions& options, const std::string& keyspace,
                  const std::function<Result<int>(client::Kv& kv)>& body) {
  return RunOnStore(options, store::IfMissing::kFail, [&](client::Embedded& store) -> Result<int> {
    ASSIGN_OR_RETURN(const auto kv, store.Open(keyspace));
    return body(*kv);
  });
}

void Print(const std::string& text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
}

void PrintError(const Error& error) {
  (void)std::fputs(
      fmt::format("kvctl: {} ({})\n", error.message, ErrorCodeName(error.code)).c_str(), stderr);
}

Status PrintJson(const nlohmann::json& value) {
  try {
    Print(value.dump() + "\n");
  } catch (const nlohmann::json::type_error&) {
    return Fail(ErrorCode::kInvalidArgument, "a key or value is not UTF-8: use --hex with -o json");
  }
  return {};
}

std::string Shown(ByteView bytes) {
  return Escaped(bytes, std::numeric_limits<size_t>::max());
}

}  // namespace metaring::ctl
