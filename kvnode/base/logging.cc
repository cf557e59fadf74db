// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/logging.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace metaring {
namespace {

constexpr int kExitSoftware = 70;
constexpr char kPattern[] = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("metaring",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(kPattern);
    made->flush_on(spdlog::level::warn);
    return made;
  }();
  return logger;
}

}  // namespace

Status InitLogging(const std::string& file, LogLevel level) {
  if (!file.empty()) {
    try {
      Logger() = std::make_shared<spdlog::logger>(
          "metaring", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    } catch (const spdlog::spdlog_ex& error) {
      return Fail(ErrorCode::kIo, fmt::format("log file {}: {}", file, error.what()));
    }
    Logger()->set_pattern(kPattern);
    Logger()->flush_on(spdlog::level::info);
  }
  Logger()->set_level(SpdlogLevel(level));
  return {};
}

bool LogEnabled(LogLevel level) {
  return Logger()->should_log(SpdlogLevel(level));
}

void LogLine(LogLevel level, std::string_view component, std::string_view message) {
  Logger()->log(SpdlogLevel(level), "{}: {}", component, message);
}

void FatalExit(std::string_view component, std::string_view message) {
  LogLine(LogLevel::kError, component, message);
  Logger()->flush();
  ::_exit(kExitSoftware);
}

}  // namespace metaring
