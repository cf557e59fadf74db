// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/txn.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "kvnode/ctl/bytes_argument.h"
#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

using nlohmann::json;

tl::unexpected<Error> Wrong(const std::string& where, const char* what) {
  return Fail(ErrorCode::kInvalidArgument, where + ": " + what);
}

// One {"name": argument} of a list.
struct Clause {
  std::string name;
  json argument;
  std::string where;  // "then[2].put"
  bool hex = false;

  Result<Bytes> Key(const json& key) const {
    if (!key.is_string()) return Wrong(where, "a key is a string");
    return ParseBytes(key.get<std::string>(), hex);
  }
  // The argument is one key.
  Result<Bytes> OnlyKey() const { return Key(argument); }
  // The argument is [KEY, something]; gives the key.
  Result<Bytes> KeyOfPair() const {
    if (!argument.is_array() || argument.size() != 2) return Wrong(where, "wants a list of two");
    return Key(argument[0]);
  }
  Result<Bytes> SecondBytes() const { return Key(argument[1]); }
  Result<int64_t> SecondNumber() const {
    if (!argument[1].is_number_integer()) return Wrong(where, "the second is a whole number");
    return argument[1].get<int64_t>();
  }
};

Result<client::Compare> ToCompare(const Clause& clause) {
  using Kind = client::Compare::Kind;
  client::Compare compare;
  if (clause.name == "exists" || clause.name == "absent" || clause.name == "prefix_empty") {
    compare.kind = clause.name == "exists"   ? Kind::kExists
                   : clause.name == "absent" ? Kind::kAbsent
                                             : Kind::kRangeEmpty;
    ASSIGN_OR_RETURN(compare.key, clause.OnlyKey());
    return compare;
  }
  if (clause.name == "version") {
    compare.kind = Kind::kVersion;
    ASSIGN_OR_RETURN(compare.key, clause.KeyOfPair());
    ASSIGN_OR_RETURN(const int64_t version, clause.SecondNumber());
    compare.version = static_cast<uint64_t>(version);
    return compare;
  }
  if (clause.name == "value") {
    compare.kind = Kind::kValue;
    ASSIGN_OR_RETURN(compare.key, clause.KeyOfPair());
    ASSIGN_OR_RETURN(compare.value, clause.SecondBytes());
    return compare;
  }
  if (clause.name == "range_empty") {
    compare.kind = Kind::kRangeEmpty;
    ASSIGN_OR_RETURN(compare.key, clause.KeyOfPair());
    ASSIGN_OR_RETURN(compare.end, clause.SecondBytes());
    return compare;
  }
  return Wrong(clause.where,
               "is none of exists, absent, version, value, range_empty, prefix_empty");
}

Result<client::Op> ToOp(const Clause& clause) {
  using Kind = client::Op::Kind;
  client::Op op;
  if (clause.name == "delete") {
    op.kind = Kind::kDelete;
    ASSIGN_OR_RETURN(op.key, clause.OnlyKey());
    return op;
  }
  if (clause.name == "put") {
    ASSIGN_OR_RETURN(op.key, clause.KeyOfPair());
    ASSIGN_OR_RETURN(op.value, clause.SecondBytes());
    return op;
  }
  if (clause.name == "add" || clause.name == "max") {
    op.kind = clause.name == "add" ? Kind::kAdd : Kind::kMax;
    ASSIGN_OR_RETURN(op.key, clause.KeyOfPair());
    ASSIGN_OR_RETURN(op.delta, clause.SecondNumber());
    return op;
  }
  return Wrong(clause.where, "is none of put, delete, add, max");
}

// A list of {"name": argument}.
template <typename T>
Result<std::vector<T>> ToList(const json& list, const char* name, bool hex,
                              Result<T> (*convert)(const Clause&)) {
  if (!list.is_array()) return Wrong(name, "wants a list");
  std::vector<T> found;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("{}[{}]", name, i);
    if (!list[i].is_object() || list[i].size() != 1) {
      return Wrong(where, "wants an object with one member");
    }
    const auto member = list[i].begin();
    ASSIGN_OR_RETURN(T one, convert({member.key(), member.value(),
                                     where + "." + Escaped(member.key(), 32), hex}));
    found.push_back(std::move(one));
  }
  return found;
}

Result<std::vector<Bytes>> ToKeys(const json& list, bool hex) {
  if (!list.is_array()) return Wrong("else", "wants a list");
  std::vector<Bytes> keys;
  for (const json& key : list) {
    ASSIGN_OR_RETURN(Bytes bytes, (Clause{"", key, "else", hex}.OnlyKey()));
    keys.push_back(std::move(bytes));
  }
  return keys;
}

struct TxnArguments {
  StoreOptions store;
  std::string keyspace;
  std::string file = "-";
  bool hex = false;
};

json ToJson(const client::TransactReply& reply, bool hex) {
  if (reply.succeeded) return {{"succeeded", true}, {"version", reply.version}};
  json result = {{"succeeded", false}, {"failed_compare", reply.failed_compare}};
  json reads = json::array();
  for (const auto& record : reply.reads) {
    if (!record) {
      reads.push_back(nullptr);
    } else {
      reads.push_back(
          {{"value", hex ? ToHex(record->value) : record->value}, {"version", record->version}});
    }
  }
  result["reads"] = std::move(reads);
  return result;
}

Result<int> RunTxn(client::Kv& kv, const TxnArguments& args) {
  ASSIGN_OR_RETURN(const Bytes text, ReadBytes(args.file, 2 * state::kTransactionBytesMax));
  ASSIGN_OR_RETURN(const client::Transaction transaction, ParseTransaction(text, args.hex));
  ASSIGN_OR_RETURN(const client::TransactReply reply, kv.Transact(transaction));
  RETURN_IF_ERROR(PrintJson(ToJson(reply, args.hex)));
  return reply.succeeded ? kExitOk : kExitFailure;
}

}  // namespace

Result<client::Transaction> ParseTransaction(std::string_view text, bool hex) {
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return Wrong("transaction", "is not a JSON object");
  client::Transaction transaction;
  for (const auto& [name, part] : parsed.items()) {
    if (name == "compares") {
      ASSIGN_OR_RETURN(transaction.compares,
                       ToList<client::Compare>(part, "compares", hex, ToCompare));
    } else if (name == "then") {
      ASSIGN_OR_RETURN(transaction.then_ops, ToList<client::Op>(part, "then", hex, ToOp));
    } else if (name == "else") {
      ASSIGN_OR_RETURN(transaction.else_reads, ToKeys(part, hex));
    } else {
      return Wrong(Escaped(name, 32), "is none of compares, then, else");
    }
  }
  return transaction;
}

std::vector<Command> AddTxnCommand(CLI::App& root) {
  CLI::App* app = AddCommand(root, "txn", "Compare, then write all or read");
  auto args = std::make_shared<TxnArguments>();
  DeclareStoreOptions(*app, args->store);
  AddOption(*app, "KEYSPACE", args->keyspace, "The keyspace")->required();
  AddOption(*app, "FILE", args->file, "The transaction as JSON; - is stdin")->capture_default_str();
  AddFlag(*app, "--hex", args->hex, "Keys and values are hexadecimal digits, given and printed");
  app->footer(R"(
{"compares": [{"exists": KEY}, {"absent": KEY}, {"version": [KEY, NUMBER]},
              {"value": [KEY, VALUE]}, {"range_empty": [KEY, END]},
              {"prefix_empty": KEY}],
 "then": [{"put": [KEY, VALUE]}, {"delete": KEY}, {"add": [KEY, NUMBER]},
          {"max": [KEY, NUMBER]}],
 "else": [KEY, ...]}

If every compare holds, all of "then" is done, else nothing is and "else" is
read. The outcome is printed as JSON. Exit status: 0 done, 1 a compare did not
hold or it failed, 2 wrong usage.)");
  return {{app, [args] {
             return RunOnKeyspace(args->store, args->keyspace,
                                  [&](client::Kv& kv) { return RunTxn(kv, *args); });
           }}};
}

}  // namespace metaring::ctl
