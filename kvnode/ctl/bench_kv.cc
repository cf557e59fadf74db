// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_kv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "kvnode/client/remote_admin.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/kv_load.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

using nlohmann::ordered_json;

constexpr int kJsonSchema = 1;

struct KvBenchArguments {
  StoreOptions store;
  std::string keyspace;
  unsigned connections = 2;
  unsigned threads = 1;
  unsigned in_flight = 64;
  KvLoadOptions load;
  bool keep = false;
};

double Rounded(double v) {
  return std::round(v * 1e3) / 1e3;
}

double Micros(uint64_t nanos) {
  return Rounded(static_cast<double>(nanos) / 1e3);
}

double OpsPerSecond(const KvLoadResult& result) {
  return result.seconds > 0 ? Rounded(static_cast<double>(result.ops) / result.seconds) : 0;
}

ordered_json ResultJson(const char* phase, const KvLoadResult& result) {
  return {{"phase", phase},
          {"ops", result.ops},
          {"seconds", result.seconds},
          {"ops_per_second", OpsPerSecond(result)},
          {"latency_us",
           {{"mean", Rounded(result.latency.Mean() / 1e3)},
            {"p50", Micros(result.latency.Quantile(0.5))},
            {"p99", Micros(result.latency.Quantile(0.99))},
            {"max", Micros(result.latency.max())}}}};
}

std::string Row(const char* phase, const KvLoadResult& result) {
  return fmt::format("{:<8} {:>10} {:>9.3f} {:>10.0f} {:>9.1f} {:>9.1f} {:>10.1f}\n", phase,
                     result.ops, result.seconds, OpsPerSecond(result),
                     Micros(result.latency.Quantile(0.5)), Micros(result.latency.Quantile(0.99)),
                     Micros(result.latency.max()));
}

ordered_json ReportOf(const KvBenchArguments& args) {
  return {{"schema", kJsonSchema},
          {"benchmark", "kv"},
          {"keyspace", args.keyspace},
          {"options",
           {{"connections", args.connections},
            {"threads", args.threads},
            {"in_flight", args.in_flight},
            {"value_bytes", args.load.value_bytes},
            {"keys", args.load.keys},
            {"operations", args.load.operations},
            {"seconds", args.load.seconds},
            {"seed", args.load.seed}}},
          {"results", ordered_json::array()}};
}

// Every key that may be there, each once.
Status DeleteKeys(client::RemoteKv& kv, const KvBenchArguments& args) {
  KvLoadOptions all = args.load;
  all.operations = args.load.keys;
  RETURN_IF_ERROR(RunKvLoad(kv, KvPhase::kDelete, all));
  return {};
}

Status Measure(client::RemoteKv& kv, const KvBenchArguments& args) {
  // Every key is there before gets ask for it.
  KvLoadOptions fill = args.load;
  fill.operations = args.load.keys;
  RETURN_IF_ERROR(RunKvLoad(kv, KvPhase::kPut, fill));
  ordered_json report = ReportOf(args);
  const bool json = args.store.json();
  if (!json) {
    Print(fmt::format("{:<8} {:>10} {:>9} {:>10} {:>9} {:>9} {:>10}\n", "phase", "ops", "seconds",
                      "ops/s", "p50 us", "p99 us", "max us"));
  }
  for (const auto& [phase, name] : {std::pair(KvPhase::kPut, "put"), {KvPhase::kGet, "get"}}) {
    ASSIGN_OR_RETURN(const KvLoadResult result, RunKvLoad(kv, phase, args.load));
    if (json) {
      report["results"].push_back(ResultJson(name, result));
    } else {
      Print(Row(name, result));
    }
  }
  if (json) Print(report.dump(2) + "\n");
  return {};
}

Result<int> Run(const KvBenchArguments& args) {
  ASSIGN_OR_RETURN(client::RemoteOptions options, ClusterOptionsOf(args.store));
  options.nodes.channels_per_node = args.connections;
  options.nodes.io_threads = args.threads;
  ASSIGN_OR_RETURN(const auto cluster, ConnectCluster(options));
  ASSIGN_OR_RETURN(const client::OpenedRemote opened,
                   client::OpenRemote(*cluster, args.keyspace, cluster->DefaultDeadline()));
  const Status measured = Measure(*opened.kv, args);
  if (!args.keep) {
    const Status deleted = DeleteKeys(*opened.kv, args);
    if (measured && !deleted) return Fail(deleted.error());
  }
  if (!measured) return Fail(measured.error());
  return kExitOk;
}

}  // namespace

std::vector<Command> AddBenchKvCommand(CLI::App& root) {
  CLI::App* app = AddCommand(*root.get_subcommand("bench"), "kv", "Puts and gets of one keyspace");
  auto args = std::make_shared<KvBenchArguments>();
  DeclareClusterOptions(*app, args->store);
  AddOption(*app, "KEYSPACE", args->keyspace, "The keyspace")->required();
  const auto number = [&](const char* name, auto& value, const char* what, auto min, auto max) {
    return AddOption(*app, name, value, what)->check(InRange(min, max))->capture_default_str();
  };
  number("--connections", args->connections, "To each node", 1U, 1024U);
  number("--in-flight", args->in_flight, "Operations at a time on each connection", 1U, 1024U);
  number("--threads", args->threads, "Of the client, for its connections", 1U, 64U);
  number("--value-bytes", args->load.value_bytes, "Size of the values", 0U, 16U << 20);
  number("--keys", args->load.keys, "Different keys", uint64_t{1}, uint64_t{1'000'000'000});
  CLI::Option* seconds =
      number("--seconds", args->load.seconds, "So long for each phase", 1U, 86'400U);
  number("--operations", args->load.operations, "So many in each phase", uint64_t{1},
         uint64_t{1'000'000'000'000})
      ->excludes(seconds);
  AddOption(*app, "--seed", args->load.seed, "Fixes the values and the order of the gets")
      ->capture_default_str();
  AddFlag(*app, "--keep", args->keep, "Leave the keys");
  app->footer(
      "First all keys are written, untimed. Keys begin with kvctl-bench/ and are deleted at the\n"
      "end. Puts take the keys in turn, gets at random. The README describes -o json.");
  return {{app, [args] {
             args->load.in_flight = args->connections * args->in_flight;
             return ExitStatusOf(Run(*args));
           }}};
}

}  // namespace metaring::ctl
