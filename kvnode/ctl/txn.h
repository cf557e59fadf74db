// SPDX-License-Identifier: Apache-2.0
//
// `kvctl txn KEYSPACE [FILE]`: one transaction, written as JSON:
//
//   {"compares": [{"exists": KEY}, {"absent": KEY}, {"version": [KEY, NUMBER]},
//                 {"value": [KEY, VALUE]}, {"range_empty": [KEY, END]}, {"prefix_empty": KEY}],
//    "then": [{"put": [KEY, VALUE]}, {"delete": KEY}, {"add": [KEY, NUMBER]}, {"max": [KEY,
//    NUMBER]}], "else": [KEY, ...]}
//
// Each part may be left out. Keys and values are strings; with --hex their hexadecimal digits.
#ifndef METARING_KVNODE_CTL_TXN_H_
#define METARING_KVNODE_CTL_TXN_H_

#include <string_view>
#include <vector>

#include "kvnode/client/kv.h"
#include "kvnode/ctl/command.h"

namespace metaring::ctl {

// kInvalidArgument says where the text is wrong.
Result<client::Transaction> ParseTransaction(std::string_view text, bool hex);

std::vector<Command> AddTxnCommand(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_TXN_H_
