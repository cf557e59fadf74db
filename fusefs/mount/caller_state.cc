// SPDX-License-Identifier: Apache-2.0
//
// Reads SigPnd, ShdPnd, SigBlk, SigIgn and SigCgt of /proc/TID/status, and the flags, wchan and
// exit_code of /proc/TID/stat (proc(5)).
#include "fusefs/mount/caller_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace metaring::fusefs::mount {
namespace {

constexpr uint64_t Bit(int signal) {
  return uint64_t{1} << (signal - 1);
}
// Whose default is not to end the process.
constexpr uint64_t kHarmless = Bit(SIGCHLD) | Bit(SIGCONT) | Bit(SIGURG) | Bit(SIGWINCH) |
                               Bit(SIGSTOP) | Bit(SIGTSTP) | Bit(SIGTTIN) | Bit(SIGTTOU);
constexpr int kFlagsField = 9;
constexpr int kWchanField = 35;
constexpr int kExitCodeField = 52;
constexpr uint64_t kExiting = 0x4;      // PF_EXITING of linux/sched.h
constexpr uint64_t kSignalMask = 0x7f;  // of an exit code: the signal that has ended it

template <int kBase>
std::optional<uint64_t> Number(std::string_view word) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, kBase);
  if (error != std::errc{} || end == word.data()) return std::nullopt;
  return value;
}

// The set of signals in the line "NAME:\t0123456789abcdef".
std::optional<uint64_t> Signals(std::string_view status, const char* name) {
  const std::string head = std::string("\n") + name + ":\t";
  const size_t at = status.find(head);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = status.substr(at + head.size());
  return Number<16>(rest.substr(0, rest.find('\n')));
}

// Field `number` > 2; the second is a name in parentheses, which may have any character.
std::optional<uint64_t> Field(std::string_view stat, int number) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 1);
  for (int field = 3; field <= number; ++field) {
    const size_t space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(space + 1);
  }
  return Number<10>(rest.substr(0, rest.find_first_of(" \n")));
}

// Of a thread that is exiting. Who may not trace it is shown zeros, also of wchan, which is not 0
// for a thread that waits.
CallerState StateAtExit(std::string_view stat) {
  const auto code = Field(stat, kExitCodeField);
  if (code && (*code & kSignalMask) != 0) return CallerState::kEnds;
  const bool shown = Field(stat, kWchanField).value_or(0) != 0;
  return code && shown ? CallerState::kExits : CallerState::kExitsSomehow;
}

std::string Content(pid_t tid, const char* name) {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/%s", static_cast<int>(tid), name);
  const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string content(8192, '\0');
  const ssize_t length = ::read(fd, content.data(), content.size());
  ::close(fd);
  content.resize(length > 0 ? static_cast<size_t>(length) : 0);
  return content;
}

}  // namespace

CallerState ParseCallerState(std::string_view status, std::string_view stat) {
  const auto flags = Field(stat, kFlagsField);
  if (flags && (*flags & kExiting) != 0) return StateAtExit(stat);
  const auto own = Signals(status, "SigPnd");
  const auto shared = Signals(status, "ShdPnd");
  const auto blocked = Signals(status, "SigBlk");
  const auto ignored = Signals(status, "SigIgn");
  const auto caught = Signals(status, "SigCgt");
  if (!flags || !own || !shared || !blocked || !ignored || !caught) return CallerState::kUnknown;
  const uint64_t pending = (*own | *shared) & ~*blocked;
  const uint64_t by_default = pending & ~*ignored & ~*caught;
  if ((by_default & ~kHarmless) != 0) return CallerState::kEnds;
  return (pending & *caught) != 0 ? CallerState::kSignalled : CallerState::kWaits;
}

CallerState CallerStateOf(pid_t tid) {
  if (tid <= 0) return CallerState::kUnknown;
  return ParseCallerState(Content(tid, "status"), Content(tid, "stat"));
}

}  // namespace metaring::fusefs::mount
