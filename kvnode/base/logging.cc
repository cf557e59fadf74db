// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/logging.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace metaring {
namespace {

constexpr int kExitSoftware = 70;
constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";
constexpr char kJournalPattern[] = "%v";

enum class Form { kText, kJson, kJournal };

// The sink's sinks are changed under its own lock, so that a file can be opened anew at any time.
struct Destination {
  std::shared_ptr<spdlog::sinks::dist_sink_mt> sinks =
      std::make_shared<spdlog::sinks::dist_sink_mt>();
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>("metaring", sinks);
  Form form = Form::kText;
  std::string file;
};

const char* PatternOf(Form form) {
  if (form == Form::kJson) return kJsonPattern;
  return form == Form::kJournal ? kJournalPattern : kTextPattern;
}

// Of the process, as stderr is.
Destination& TheDestination() {
  static Destination destination = [] {
    Destination made;
    made.sinks->set_sinks({std::make_shared<spdlog::sinks::stderr_sink_mt>()});
    made.logger->set_pattern(kTextPattern);
    made.logger->flush_on(spdlog::level::warn);
    return made;
  }();
  return destination;
}

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

// As syslog(3) counts.
int Priority(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return 7;
    case LogLevel::kInfo:
      return 6;
    case LogLevel::kWarn:
      return 4;
    case LogLevel::kError:
      return 3;
  }
  return 6;
}

// JOURNAL_STREAM names device and inode of the stream that systemd has given to the process.
bool StderrIsJournal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat of_stderr {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &of_stderr) != 0) return false;
  return fmt::format("{}:{}", of_stderr.st_dev, of_stderr.st_ino) == stream;
}

Result<spdlog::sink_ptr> OpenFile(const std::string& file) {
  // spdlog would make it, and a wrong name would go unseen.
  const std::filesystem::path directory = std::filesystem::path(file).parent_path();
  std::error_code ignored;
  if (!directory.empty() && !std::filesystem::is_directory(directory, ignored)) {
    return Fail(ErrorCode::kIo,
                fmt::format("log file {}: there is no directory {}", file, directory.string()));
  }
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
  } catch (const spdlog::spdlog_ex& error) {
    return Fail(ErrorCode::kIo, fmt::format("log file {}: {}", file, error.what()));
  }
}

Status UseFile(Destination& destination) {
  ASSIGN_OR_RETURN(const spdlog::sink_ptr opened, OpenFile(destination.file));
  opened->set_pattern(PatternOf(destination.form));
  destination.sinks->set_sinks({opened});
  return {};
}

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {  // bytes that are no text get here Escaped
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string JsonOf(std::string_view component, std::string_view message,
                   std::initializer_list<LogField> fields) {
  std::string line = "\"component\":";
  AppendJsonString(line, component);
  line += ",\"message\":";
  AppendJsonString(line, message);
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonString(line, field.name);
    line += ':';
    AppendJsonString(line, field.value);
  }
  return line;
}

std::string TextOf(std::string_view component, std::string_view message,
                   std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{}: {}", component, message);
  for (const LogField& field : fields) {
    const bool bare =
        !field.value.empty() && field.value.find_first_of(" \"=") == std::string::npos;
    line += fmt::format(" {}=", field.name);
    if (bare) {
      line += field.value;
    } else {
      AppendJsonString(line, field.value);
    }
  }
  return line;
}

}  // namespace

Status InitLogging(const std::string& file, LogLevel level, LogFormat format) {
  Destination& destination = TheDestination();
  destination.form = format == LogFormat::kJson          ? Form::kJson
                     : file.empty() && StderrIsJournal() ? Form::kJournal
                                                         : Form::kText;
  destination.file = file;
  if (file.empty()) {
    destination.logger->set_pattern(PatternOf(destination.form));
  } else {
    RETURN_IF_ERROR(UseFile(destination));
    destination.logger->flush_on(spdlog::level::info);
  }
  SetLogLevel(level);
  return {};
}

Status ReopenLog() {
  Destination& destination = TheDestination();
  if (destination.file.empty()) return {};
  return UseFile(destination);
}

void SetLogLevel(LogLevel level) {
  TheDestination().logger->set_level(SpdlogLevel(level));
}

bool LogEnabled(LogLevel level) {
  return TheDestination().logger->should_log(SpdlogLevel(level));
}

void LogLine(LogLevel level, std::string_view component, std::string_view message,
             std::initializer_list<LogField> fields) {
  const Destination& destination = TheDestination();
  if (!LogEnabled(level)) return;
  std::string line;
  if (destination.form == Form::kJson) {
    line = JsonOf(component, message, fields);
  } else {
    line = TextOf(component, message, fields);
    if (destination.form == Form::kJournal) line.insert(0, fmt::format("<{}>", Priority(level)));
  }
  destination.logger->log(SpdlogLevel(level), "{}", line);
}

void FatalExit(std::string_view component, std::string_view message) {
  LogLine(LogLevel::kError, component, message);
  TheDestination().logger->flush();
  ::_exit(kExitSoftware);
}

}  // namespace metaring
