// SPDX-License-Identifier: Apache-2.0
//
// How commands and their options are declared on CLI11. Everything of it that takes long to compile
// (its parser is a header, and each type of an option makes it anew) is in declare.cc, once: a file
// that declares a command includes this and builds in seconds.
//
// Names are CLI11's: "-o,--output" is an option, "NAME" a positional, "!--keep" a flag that clears.
// What is returned belongs to the parser's root; variables outlive it.
#ifndef METARING_KVNODE_CTL_DECLARE_H_
#define METARING_KVNODE_CTL_DECLARE_H_

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace metaring::ctl {

CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& what);

// Options of a command that are counted together: App::require_option says how many may be
// given.
CLI::App* AddGroup(CLI::App& command, const std::string& name);

CLI::Option* AddFlag(CLI::App& command, const std::string& name, bool& value,
                     const std::string& what);
// Its value stays in the option.
CLI::Option* AddOption(CLI::App& command, const std::string& name, const std::string& what);
CLI::Option* AddOption(CLI::App& command, const std::string& name, std::string& value,
                       const std::string& what);
CLI::Option* AddOption(CLI::App& command, const std::string& name, std::vector<std::string>& value,
                       const std::string& what);
CLI::Option* AddOption(CLI::App& command, const std::string& name, uint32_t& value,
                       const std::string& what);
CLI::Option* AddOption(CLI::App& command, const std::string& name, uint64_t& value,
                       const std::string& what);

// For Option::check: what a value must be, as the help shows it.
CLI::Validator InRange(uint64_t min, uint64_t max);
CLI::Validator OneOf(const std::vector<std::string>& values);
// For Option::transform: a number, with K, M, G and so on for powers of 1024.
CLI::Validator Size();

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_DECLARE_H_
