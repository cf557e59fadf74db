// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/remote_kv.h"

#include <utility>

#include "kvnode/client/await.h"
#include "kvnode/client/typed_call.h"

namespace metaring::client {
namespace {

using MaybeRecord = RemoteKv::MaybeRecord;

tl::unexpected<Error> Nonsense(std::string what) {
  return Fail(ErrorCode::kIo, std::move(what));
}

// The cursors that leave here are a node's with the last key before it, so that the next page can
// be held against it: pages must come to an end.
struct Cursor {
  std::optional<Bytes> last;
  Bytes of_node;
};

Bytes EncodeCursor(ByteView last, ByteView of_node) {
  Bytes cursor;
  AppendLengthPrefixed(cursor, last);
  cursor.append(of_node);
  return cursor;
}

Result<Cursor> DecodeCursor(ByteView cursor) {
  if (cursor.empty()) return Cursor{};
  Reader reader(cursor);
  const ByteView last = reader.LengthPrefixed();
  if (!reader.ok() || reader.rest().empty()) {
    return Fail(ErrorCode::kInvalidArgument, "cursor: it is not of a scan of this client");
  }
  return Cursor{Bytes(last), Bytes(reader.rest())};
}

// What was asked for.
struct PageBounds {
  Bytes begin;
  Bytes end;  // empty: what starts with `begin`
  std::optional<Bytes> after;
  size_t limit = 0;

  bool Has(ByteView key) const {
    if (end.empty() ? !key.starts_with(begin) : key < begin || key >= end) return false;
    return !after || key > *after;
  }
};

// A page is what was asked for: within the bounds, in order, no more than the limit, and not
// nothing when more is to come.
Result<ScanPage> CheckedPage(wire::ScanReply&& reply, const PageBounds& bounds) {
  ASSIGN_OR_RETURN(ScanPage page, FromWire(std::move(reply)));
  if (page.items.size() > bounds.limit) return Nonsense("more records than asked for");
  ByteView last;
  for (const ScanItem& item : page.items) {
    if (!bounds.Has(item.key)) return Nonsense("a key that was not asked for");
    const bool first = &item == page.items.data();
    if (!first && item.key <= last) return Nonsense("keys out of order");
    last = item.key;
  }
  if (page.cursor.empty()) return page;
  if (page.items.empty()) return Nonsense("an empty page, and more to come");
  page.cursor = EncodeCursor(last, page.cursor);
  return page;
}

Result<TransactReply> CheckedReply(wire::TransactReply&& reply, size_t compares, size_t reads) {
  ASSIGN_OR_RETURN(TransactReply checked, FromWire(std::move(reply)));
  if (checked.succeeded) return checked;
  if (checked.failed_compare >= compares) return Nonsense("no such compare");
  if (checked.reads.size() != reads) return Nonsense("another number of reads than asked for");
  return checked;
}

}  // namespace

RemoteKv::RemoteKv(RemoteCluster& cluster, std::string keyspace, KeyspaceId id)
    : cluster_(cluster),
      keyspace_(std::move(keyspace)),
      id_(id),
      cache_(std::make_shared<ReadCache>(cluster.options().read_cache, clock_)) {}

wire::Target RemoteKv::Target() const {
  return ToWire(RequestTarget{keyspace_, id_, kRequestDeadlineDefault});
}

// --- reads ---------------------------------------------------------------------------------------

RemoteKv::Handle RemoteKv::Get(Bytes key, TimePoint deadline, Callback<MaybeRecord> done) {
  if (std::optional<MaybeRecord> known = cache_->Find(key)) {
    done(*std::move(known));
    return nullptr;
  }
  wire::GetRequest request;
  request.__set_target(Target());
  request.__set_key(key);
  const ReadCache::Ticket ticket = cache_->Begin(key);
  return BeginCall(
      cluster_.nodes(), kGet, std::move(request), Repeatable::kAlways, deadline,
      [](wire::GetReply&& reply) { return FromWire(std::move(reply)); },
      [cache = cache_, ticket, key = std::move(key),
       done = std::move(done)](Result<MaybeRecord> outcome) {
        if (outcome) cache->Keep(ticket, key, *outcome);
        done(std::move(outcome));
      });
}

RemoteKv::Handle RemoteKv::MultiGet(std::vector<Bytes> keys, TimePoint deadline,
                                    Callback<std::vector<MaybeRecord>> done) {
  const size_t count = keys.size();
  wire::MultiGetRequest request;
  request.__set_target(Target());
  request.keys = std::move(keys);
  request.__isset.keys = true;
  return BeginCall(
      cluster_.nodes(), kMultiGet, std::move(request), Repeatable::kAlways, deadline,
      [count](wire::MultiGetReply&& reply) -> Result<std::vector<MaybeRecord>> {
        if (reply.records.size() != count) return Nonsense("another number of records than keys");
        return FromWire(std::move(reply.records));
      },
      std::move(done));
}

RemoteKv::Handle RemoteKv::Scan(ScanRequest request, TimePoint deadline, Callback<ScanPage> done) {
  Result<Cursor> cursor = DecodeCursor(request.cursor);
  if (!cursor) {
    done(Fail(std::move(cursor).error()));
    return nullptr;
  }
  request.cursor = std::move(cursor->of_node);
  PageBounds bounds{request.begin, request.end, std::move(cursor->last), request.limit};
  wire::ScanRequest asked = ToWire(std::move(request));
  asked.__set_target(Target());
  return BeginCall(
      cluster_.nodes(), kScan, std::move(asked), Repeatable::kAlways, deadline,
      [bounds = std::move(bounds)](wire::ScanReply&& reply) {
        return CheckedPage(std::move(reply), bounds);
      },
      std::move(done));
}

// --- writes --------------------------------------------------------------------------------------

template <typename T, typename MethodOf, typename Convert>
RemoteKv::Handle RemoteKv::Write(const MethodOf& method, typename MethodOf::Request request,
                                 const std::optional<RequestId>& given, TimePoint deadline,
                                 Convert convert, std::vector<Bytes> changed, Callback<T> done) {
  RequestIds& ids = cluster_.request_ids();
  RequestId id;
  if (given) {
    id = *given;
  } else if (Result<RequestId> made = ids.Begin()) {
    id = *made;
  } else {
    done(Fail(std::move(made).error()));
    return nullptr;
  }
  request.__set_target(Target());
  request.__set_request_id(ToWire(id));
  return BeginCall(cluster_.nodes(), method, std::move(request), Repeatable::kUnderOneId, deadline,
                   std::move(convert),
                   [&ids, own_id = !given, id, cache = cache_, changed = std::move(changed),
                    done = std::move(done)](Result<T> outcome) {
                     if (own_id) ids.End(id);
                     for (const Bytes& key : changed) cache->Drop(key);
                     done(std::move(outcome));
                   });
}

RemoteKv::Handle RemoteKv::Put(Bytes key, state::Encoded value,
                               const std::optional<RequestId>& request_id, TimePoint deadline,
                               Callback<uint64_t> done) {
  std::vector<Bytes> changed;
  if (cache_->enabled()) changed.push_back(key);
  wire::PutRequest request;
  request.key = std::move(key);
  request.__isset.key = true;
  SetValue(request, std::move(value));
  return Write<uint64_t>(
      kPut, std::move(request), request_id, deadline,
      [](const wire::PutReply& reply) -> Result<uint64_t> {
        if (reply.version <= 0) return Nonsense("no version");
        return static_cast<uint64_t>(reply.version);
      },
      std::move(changed), std::move(done));
}

RemoteKv::Handle RemoteKv::Delete(Bytes key, const std::optional<RequestId>& request_id,
                                  TimePoint deadline, Callback<bool> done) {
  std::vector<Bytes> changed;
  if (cache_->enabled()) changed.push_back(key);
  wire::DeleteRequest request;
  request.key = std::move(key);
  request.__isset.key = true;
  return Write<bool>(
      kDelete, std::move(request), request_id, deadline,
      [](const wire::DeleteReply& reply) -> Result<bool> { return reply.existed; },
      std::move(changed), std::move(done));
}

RemoteKv::Handle RemoteKv::Transact(Transaction transaction, TimePoint deadline,
                                    Callback<TransactReply> done) {
  std::vector<Bytes> changed;
  if (cache_->enabled()) {
    for (const Op& op : transaction.then_ops) changed.push_back(op.key);
  }
  const std::optional<RequestId> given = transaction.request_id;
  const size_t compares = transaction.compares.size();
  const size_t reads = transaction.else_reads.size();
  return Write<TransactReply>(
      kTransact, ToWire(std::move(transaction)), given, deadline,
      [compares, reads](wire::TransactReply&& reply) {
        return CheckedReply(std::move(reply), compares, reads);
      },
      std::move(changed), std::move(done));
}

// --- waiting -------------------------------------------------------------------------------------

Result<MaybeRecord> RemoteKv::Get(ByteView key) {
  return Await<MaybeRecord>(cluster_.nodes(), [&](auto done) {
    return Get(Bytes(key), cluster_.DefaultDeadline(), std::move(done));
  });
}

Result<std::vector<MaybeRecord>> RemoteKv::MultiGet(std::span<const Bytes> keys) {
  return Await<std::vector<MaybeRecord>>(cluster_.nodes(), [&](auto done) {
    return MultiGet(std::vector<Bytes>(keys.begin(), keys.end()), cluster_.DefaultDeadline(),
                    std::move(done));
  });
}

Result<ScanPage> RemoteKv::Scan(const ScanRequest& request) {
  return Await<ScanPage>(cluster_.nodes(), [&](auto done) {
    return Scan(request, cluster_.DefaultDeadline(), std::move(done));
  });
}

Result<uint64_t> RemoteKv::Put(ByteView key, state::Encoded value,
                               const std::optional<RequestId>& request_id) {
  return Await<uint64_t>(cluster_.nodes(), [&](auto done) {
    return Put(Bytes(key), std::move(value), request_id, cluster_.DefaultDeadline(),
               std::move(done));
  });
}

Result<bool> RemoteKv::Delete(ByteView key, const std::optional<RequestId>& request_id) {
  return Await<bool>(cluster_.nodes(), [&](auto done) {
    return Delete(Bytes(key), request_id, cluster_.DefaultDeadline(), std::move(done));
  });
}

Result<TransactReply> RemoteKv::Transact(const Transaction& transaction) {
  return Await<TransactReply>(cluster_.nodes(), [&](auto done) {
    return Transact(transaction, cluster_.DefaultDeadline(), std::move(done));
  });
}

}  // namespace metaring::client
