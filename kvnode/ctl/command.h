// SPDX-License-Identifier: Apache-2.0
//
// What a command group gives to main: its subcommands, declared on the parser, and what to run when
// one of them was named. A group is one file with one function that returns these.
#ifndef METARING_KVNODE_CTL_COMMAND_H_
#define METARING_KVNODE_CTL_COMMAND_H_

#include <CLI/App.hpp>
#include <functional>

namespace metaring::ctl {

struct Command {
  const CLI::App* app;       // owned by the parser's root
  std::function<int()> run;  // after parsing; gives the exit status
};

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_COMMAND_H_
