// SPDX-License-Identifier: Apache-2.0
//
// Logging: spdlog behind one call a level. A line is "time level component message"; the message is
// made by fmt. Names and bytes that come from outside go through Escaped() first. No secret is
// logged. Until InitLogging is called, lines go to stderr at level info.
#ifndef METARING_KVNODE_BASE_LOGGING_H_
#define METARING_KVNODE_BASE_LOGGING_H_

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "kvnode/base/result.h"

namespace metaring {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// Directs lines to `file` (appended to), or to stderr when it is empty. Call before threads start.
Status InitLogging(const std::string& file, LogLevel level);

bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view component, std::string_view message);

template <typename... Args>
void LogDebug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (!LogEnabled(LogLevel::kDebug)) return;
  LogLine(LogLevel::kDebug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogInfo(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (!LogEnabled(LogLevel::kInfo)) return;
  LogLine(LogLevel::kInfo, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogWarn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kWarn, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogError(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  LogLine(LogLevel::kError, component, fmt::format(format, std::forward<Args>(args)...));
}

// For a disk that failed under us or own state that is wrong: logs, flushes and ends the process
// with exit status 70 (EX_SOFTWARE). Nothing is retried: after a failed fsync a retry would lie.
[[noreturn]] void FatalExit(std::string_view component, std::string_view message);

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_LOGGING_H_
