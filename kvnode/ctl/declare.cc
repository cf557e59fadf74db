// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/declare.h"

// App's constructor needs both.
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

namespace metaring::ctl {

CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& what) {
  return parent.add_subcommand(name, what);
}

CLI::App* AddGroup(CLI::App& command, const std::string& name) {
  return command.add_option_group(name);
}

CLI::Option* AddFlag(CLI::App& command, const std::string& name, bool& value,
                     const std::string& what) {
  return command.add_flag(name, value, what);
}

CLI::Option* AddOption(CLI::App& command, const std::string& name, const std::string& what) {
  return command.add_option(name, what);
}

CLI::Option* AddOption(CLI::App& command, const std::string& name, std::string& value,
                       const std::string& what) {
  return command.add_option(name, value, what);
}

CLI::Option* AddOption(CLI::App& command, const std::string& name, std::vector<std::string>& value,
                       const std::string& what) {
  return command.add_option(name, value, what);
}

CLI::Option* AddOption(CLI::App& command, const std::string& name, uint32_t& value,
                       const std::string& what) {
  return command.add_option(name, value, what);
}

CLI::Option* AddOption(CLI::App& command, const std::string& name, uint64_t& value,
                       const std::string& what) {
  return command.add_option(name, value, what);
}

CLI::Validator InRange(uint64_t min, uint64_t max) {
  return CLI::Range(min, max);
}

CLI::Validator OneOf(const std::vector<std::string>& values) {
  return CLI::IsMember(values);
}

CLI::Validator Size() {
  return CLI::AsSizeValue(false);
}

}  // namespace metaring::ctl
