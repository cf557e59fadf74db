// SPDX-License-Identifier: Apache-2.0
//
// Logging: spdlog behind one call a level. A line has a level, a component, a message and fields
// (names with values), in one of two forms:
//
//   text   2026-01-31T23:59:59.123+00:00 warning audit: denied peer=alice method=put
//   json   {"time":"2026-01-31T23:59:59.123+00:00","level":"warning","component":"audit",
//           "message":"denied","peer":"alice","method":"put"}     (one line)
//
// To the journal of systemd (stderr is one of its streams, sd-daemon(3)) text has no time, which
// the journal knows, and begins with the priority: "<4>audit: denied ...".
//
// Names and bytes that come from outside go through Escaped() first. No secret is logged. Until
// InitLogging is called, lines go to stderr as text, from level info on.
#ifndef METARING_KVNODE_BASE_LOGGING_H_
#define METARING_KVNODE_BASE_LOGGING_H_

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "kvnode/base/result.h"

namespace metaring {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  template <typename Number>
  requires std::is_arithmetic_v<Number> LogField(std::string_view field_name, Number number)
      : name(field_name), value(fmt::format("{}", number)) {}

  std::string_view name;
  std::string value;
};

// Directs lines to `file` (appended to), or to stderr when it is empty. Call before threads start.
Status InitLogging(const std::string& file, LogLevel level, LogFormat format = LogFormat::kText);

// Thread-safe, as all of these. Opens the file anew under its name, after somebody has renamed it.
Status ReopenLog();
void SetLogLevel(LogLevel level);

bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view component, std::string_view message,
             std::initializer_list<LogField> fields = {});

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
