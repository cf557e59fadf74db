// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/caller_state.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace metaring::fusefs::mount {
namespace {

constexpr const char* kStat = "77 (a) b) D 1 77 77 0 -1 4194560 0 0";

// Of an exiting thread.
std::string StatAtExit(int wchan, int exit_code) {
  std::string stat = "77 (a) b) D 1 77 77 0 -1 4194564";
  for (int field = 10; field <= 51; ++field) stat += " " + std::to_string(field == 35 ? wchan : 0);
  return stat + " " + std::to_string(exit_code) + "\n";
}

std::string Set(int signal) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", signal == 0 ? 0ULL : 1ULL << (signal - 1));
  return text;
}

// A signal in each set; 0: none.
struct Sets {
  int own = 0;
  int shared = 0;
  int blocked = 0;
  int ignored = 0;
  int caught = 0;
};

CallerState StateOf(const Sets& sets, const std::string& stat = kStat) {
  const std::string status = "Name:\tSigPnd:\nThreads:\t1\nSigQ:\t0/3\nSigPnd:\t" + Set(sets.own) +
                             "\nShdPnd:\t" + Set(sets.shared) + "\nSigBlk:\t" + Set(sets.blocked) +
                             "\nSigIgn:\t" + Set(sets.ignored) + "\nSigCgt:\t" + Set(sets.caught) +
                             "\nCapInh:\t0000000000000000\n";
  return ParseCallerState(status, stat);
}

TEST(CallerStateTest, NothingPendingWaits) {
  EXPECT_EQ(StateOf({}), CallerState::kWaits);
  EXPECT_EQ(StateOf({.caught = SIGALRM}), CallerState::kWaits);
}

TEST(CallerStateTest, AKillEndsIt) {
  EXPECT_EQ(StateOf({.own = SIGKILL}), CallerState::kEnds);
  EXPECT_EQ(StateOf({.own = SIGKILL, .blocked = SIGTERM, .caught = SIGTERM}), CallerState::kEnds);
}

TEST(CallerStateTest, ASignalEndsItByDefault) {
  EXPECT_EQ(StateOf({.shared = SIGINT}), CallerState::kEnds);
  EXPECT_EQ(StateOf({.own = SIGQUIT}), CallerState::kEnds);
  EXPECT_EQ(StateOf({.shared = SIGRTMAX}), CallerState::kEnds);
}

TEST(CallerStateTest, ACaughtSignalWillBeHandled) {
  EXPECT_EQ(StateOf({.shared = SIGINT, .caught = SIGINT}), CallerState::kSignalled);
  EXPECT_EQ(StateOf({.own = SIGCHLD, .caught = SIGCHLD}), CallerState::kSignalled);
}

TEST(CallerStateTest, BlockedIgnoredAndHarmlessSignalsDoNothing) {
  EXPECT_EQ(StateOf({.shared = SIGTERM, .blocked = SIGTERM}), CallerState::kWaits);
  EXPECT_EQ(StateOf({.shared = SIGTERM, .blocked = SIGTERM, .caught = SIGTERM}),
            CallerState::kWaits);
  EXPECT_EQ(StateOf({.shared = SIGHUP, .ignored = SIGHUP}), CallerState::kWaits);
  for (const int signal : {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN}) {
    EXPECT_EQ(StateOf({.shared = signal}), CallerState::kWaits);
  }
}

TEST(CallerStateTest, WhoWasKilledEndsAndWhoExitsByItselfExits) {
  EXPECT_EQ(StateOf({}, StatAtExit(1, SIGKILL)), CallerState::kEnds);
  EXPECT_EQ(StateOf({}, StatAtExit(0, SIGKILL)), CallerState::kEnds);
  EXPECT_EQ(StateOf({}, StatAtExit(1, SIGSEGV | 0x80)), CallerState::kEnds);  // with a core
  EXPECT_EQ(StateOf({}, StatAtExit(1, 0)), CallerState::kExits);
  EXPECT_EQ(StateOf({}, StatAtExit(1, 3 << 8)), CallerState::kExits);
}

TEST(CallerStateTest, WhyItExitsMayNotBeShown) {
  EXPECT_EQ(StateOf({}, StatAtExit(0, 0)), CallerState::kExitsSomehow);
  EXPECT_EQ(StateOf({}, "77 (a) b) D 1 77 77 0 -1 4194564 0 0"), CallerState::kExitsSomehow);
}

TEST(CallerStateTest, WhatCannotBeReadIsUnknown) {
  EXPECT_EQ(ParseCallerState("", ""), CallerState::kUnknown);
  EXPECT_EQ(StateOf({}, "77 (name D"), CallerState::kUnknown);
  EXPECT_EQ(StateOf({}, "77 (name) D 1"), CallerState::kUnknown);
  EXPECT_EQ(ParseCallerState("SigPnd:\tnone\n", kStat), CallerState::kUnknown);
  EXPECT_EQ(CallerStateOf(0), CallerState::kUnknown);
  EXPECT_EQ(CallerStateOf(-1), CallerState::kUnknown);
}

TEST(CallerStateTest, ReadsTheKernelsFiles) {
  EXPECT_EQ(CallerStateOf(::gettid()), CallerState::kWaits);
  // A child that has ended and was not waited for has gone through its exit.
  for (const bool killed : {true, false}) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (killed) ::raise(SIGKILL);
      ::_exit(3);
    }
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(CallerStateOf(child), killed ? CallerState::kEnds : CallerState::kExits);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(CallerStateOf(child), CallerState::kUnknown);
  }
}

}  // namespace
}  // namespace metaring::fusefs::mount
