// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace metaring::ctl {
namespace {

constexpr int kJsonSchema = 1;
constexpr int kJsonIndent = 2;

double Micros(double nanos) {
  return nanos / 1e3;
}

double OpsPerSecond(const PhaseResult& result) {
  return result.seconds > 0 ? static_cast<double>(result.ops) / result.seconds : 0;
}

// To three decimals, so that the document holds what was measured and not the digits of a division.
double Rounded(double v) {
  return std::round(v * 1e3) / 1e3;
}

nlohmann::ordered_json ResultJson(const PhaseResult& result) {
  nlohmann::ordered_json json;
  json["phase"] = InfoOf(result.phase).name;
  json["skipped"] = result.skipped;
  if (!result.note.empty()) json["note"] = result.note;
  if (result.skipped) return json;
  if (InfoOf(result.phase).cold) json["cold"] = result.cold;
  json["ops"] = result.ops;
  json["seconds"] = result.seconds;
  json["ops_per_second"] = Rounded(OpsPerSecond(result));
  const auto quantile = [&](double q) {
    return Rounded(Micros(static_cast<double>(result.latency.Quantile(q))));
  };
  json["latency_us"] = {{"mean", Rounded(Micros(result.latency.Mean()))},
                        {"p50", quantile(0.5)},
                        {"p99", quantile(0.99)},
                        {"max", Rounded(Micros(static_cast<double>(result.latency.max())))}};
  return json;
}

nlohmann::ordered_json OptionsJson(const FsBenchOptions& options) {
  nlohmann::ordered_json json;
  json["threads"] = options.threads;
  json["files"] = options.files;
  json["shared"] = options.shared;
  json["seed"] = options.seed;
  json["fsync"] = options.fsync;
  json["write_bytes"] = options.write_bytes;
  json["keep"] = options.keep;
  json["drop_caches"] = options.drop_caches;
  return json;
}

}  // namespace

std::string TableHead() {
  return fmt::format("{:<13} {:>9} {:>9} {:>10} {:>9} {:>9} {:>10}\n", "phase", "ops", "seconds",
                     "ops/s", "p50 us", "p99 us", "max us");
}

std::string TableRow(const PhaseResult& result) {
  const auto name = InfoOf(result.phase).name;
  if (result.skipped) return fmt::format("{:<13} skipped: {}\n", name, result.note);
  const Histogram& latency = result.latency;
  std::string row = fmt::format("{:<13} {:>9} {:>9.3f} {:>10.0f} {:>9.1f} {:>9.1f} {:>10.1f}", name,
                                result.ops, result.seconds, OpsPerSecond(result),
                                Micros(static_cast<double>(latency.Quantile(0.5))),
                                Micros(static_cast<double>(latency.Quantile(0.99))),
                                Micros(static_cast<double>(latency.max())));
  if (!result.note.empty()) row += "  " + result.note;
  return row + "\n";
}

std::string JsonReport(const FsBenchOptions& options, const FsBenchReport& report) {
  nlohmann::ordered_json json;
  json["schema"] = kJsonSchema;
  json["benchmark"] = "fs";
  json["directory"] = options.directory;
  json["filesystem"] = report.filesystem;
  if (options.keep) json["kept"] = report.work_directory;
  json["options"] = OptionsJson(options);
  json["results"] = nlohmann::ordered_json::array();
  for (const PhaseResult& result : report.results) json["results"].push_back(ResultJson(result));
  if (report.error) {
    json["error"] = {{"code", ErrorCodeName(report.error->code)},
                     {"message", report.error->message}};
  }
  if (report.signal) json["signal"] = *report.signal;
  // A path need not be UTF-8: what is not becomes U+FFFD, rather than no document.
  return json.dump(kJsonIndent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace metaring::ctl
