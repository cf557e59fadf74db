// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/kv_service.h"

#include <Kv.tcc>
#include <kv_types.tcc>

namespace metaring::server {
namespace {

using client::FromWire;
using client::ToWire;

client::EncodedKv& KvOf(const Exchange& exchange) {
  return *exchange.keyspace->kv;
}

Result<wire::GetReply> Get(const Exchange& exchange, wire::GetRequest& request) {
  ASSIGN_OR_RETURN(auto record, KvOf(exchange).Get(request.key));
  return ToWire(std::move(record));
}

Result<wire::MultiGetReply> MultiGet(const Exchange& exchange, wire::MultiGetRequest& request) {
  ASSIGN_OR_RETURN(auto records, KvOf(exchange).MultiGet(request.keys));
  wire::MultiGetReply reply;
  reply.records = ToWire(std::move(records));
  reply.__isset.records = true;
  return reply;
}

Result<wire::ScanReply> Scan(const Exchange& exchange, wire::ScanRequest& request) {
  ASSIGN_OR_RETURN(const state::ScanRequest scan, FromWire(std::move(request)));
  ASSIGN_OR_RETURN(auto page, KvOf(exchange).Scan(scan));
  return ToWire(std::move(page));
}

Result<wire::PutReply> Put(const Exchange& exchange, wire::PutRequest& request) {
  ASSIGN_OR_RETURN(const auto request_id, client::RequestIdOf(request));
  ASSIGN_OR_RETURN(state::Encoded value, client::TakeValue(request));
  ASSIGN_OR_RETURN(const uint64_t version,
                   KvOf(exchange).Put(request.key, std::move(value), request_id));
  wire::PutReply reply;
  reply.__set_version(static_cast<int64_t>(version));
  return reply;
}

Result<wire::DeleteReply> Delete(const Exchange& exchange, wire::DeleteRequest& request) {
  ASSIGN_OR_RETURN(const auto request_id, client::RequestIdOf(request));
  ASSIGN_OR_RETURN(const bool existed, KvOf(exchange).Delete(request.key, request_id));
  wire::DeleteReply reply;
  reply.__set_existed(existed);
  return reply;
}

Result<wire::TransactReply> Transact(const Exchange& exchange, wire::TransactRequest& request) {
  ASSIGN_OR_RETURN(const state::Transaction transaction, FromWire(std::move(request)));
  ASSIGN_OR_RETURN(auto outcome, KvOf(exchange).Transact(transaction));
  return ToWire(std::move(outcome));
}

}  // namespace

void AddKvMethods(Front& front, rpc::Dispatcher& dispatcher) {
  front.Add<Rpc::kGet>(dispatcher, Runs::kHere, Get);
  front.Add<Rpc::kMultiGet>(dispatcher, Runs::kOnReadThread, MultiGet);
  front.Add<Rpc::kScan>(dispatcher, Runs::kOnReadThread, Scan);
  front.Add<Rpc::kPut>(dispatcher, Runs::kOnFiber, Put);
  front.Add<Rpc::kDeleteKey>(dispatcher, Runs::kOnFiber, Delete);
  front.Add<Rpc::kTransact>(dispatcher, Runs::kOnFiber, Transact);
}

}  // namespace metaring::server
