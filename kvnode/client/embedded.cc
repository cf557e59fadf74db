// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/embedded.h"

#include "kvnode/base/logging.h"
#include "kvnode/client/decoding_kv.h"
#include "kvnode/client/embedded_kv.h"
#include "kvnode/client/keyspaces.h"

namespace metaring::client {
namespace {

constexpr char kComponent[] = "embedded";
constexpr KeyspaceId kSystemKeyspace{0};
constexpr size_t kErasedKeysMax = 1000;                              // in one transaction
constexpr size_t kErasedBytesMax = state::kTransactionBytesMax / 2;  // of their keys, likewise

// Members end in the reverse of their order: the store's last flush comes before its lock is given
// up.
struct Parts {
  std::unique_ptr<store::Directory> directory;  // none when the parts came from outside
  std::unique_ptr<Disk> owned_disk;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<log::Log> log;
};

// Brings the store up to the end of the log.
Status Replay(log::Log& log, store::Store& store) {
  state::Machine machine;
  uint64_t count = 0;
  const uint64_t applied = store.applied();
  if (log::Lsn(applied) < log.begin()) {
    return Fail(ErrorCode::kCorrupt,
                "the log begins after what the store holds: a part of the log is missing");
  }
  if (log.durable() < log::Lsn(applied)) {
    return Fail(ErrorCode::kCorrupt,
                "the log ends before what the store holds: its newest part is missing");
  }
  RETURN_IF_ERROR(log.Replay(log::Lsn(applied), [&](const log::Record& record) -> Status {
    if (record.end.value() <= applied) return {};
    ASSIGN_OR_RETURN(const state::Command command, state::DecodeCommand(record.payload));
    ASSIGN_OR_RETURN(const auto txn, store.Begin());
    // An error is an outcome like any other: it was the first answer too.
    const auto outcome = machine.Apply(*txn, record.end.value(), command);
    if (!outcome && outcome.error().code == ErrorCode::kIo) return Fail(outcome.error());
    txn->Commit(record.end.value());
    ++count;
    return {};
  }));
  if (count > 0) LogInfo(kComponent, "replayed {} commands of the log", count);
  return {};
}

// Deletes every key, in bounded steps from the first one on.
Status EraseAll(EncodedKv& kv) {
  ScanRequest request;
  request.limit = kErasedKeysMax;
  request.keys_only = true;
  request.keep_damaged = true;
  for (;;) {
    ASSIGN_OR_RETURN(ScanPage page, kv.Scan(request));
    if (page.items.empty()) return {};
    Transaction erase;
    size_t bytes = 0;
    for (ScanItem& item : page.items) {
      bytes += item.key.size();
      if (bytes > kErasedBytesMax && !erase.then_ops.empty()) break;
      erase.then_ops.push_back(
          {.kind = Op::Kind::kDelete, .key = std::move(item.key), .value = {}});
    }
    RETURN_IF_ERROR(kv.Transact(erase));
  }
}

class EmbeddedForm : public Embedded {
 public:
  EmbeddedForm(Parts parts, const EmbeddedOptions& options, const Clock& clock)
      : parts_(std::move(parts)),
        core_(*parts_.log, *parts_.store, clock, options.log.segment_bytes,
              options.own_commit_thread ? CommitLeader::kOwnThread : CommitLeader::kCallers),
        system_(std::make_unique<EmbeddedKv>(core_, kSystemKeyspace), KeyspaceOptions{}) {}

  Result<std::unique_ptr<Kv>> Open(const std::string& keyspace) override {
    ASSIGN_OR_RETURN(OpenedKeyspace opened, OpenEncoded(keyspace));
    return std::make_unique<DecodingKv>(std::move(opened.kv), opened.info.options);
  }
  Result<OpenedKeyspace> OpenEncoded(const std::string& keyspace) override {
    ASSIGN_OR_RETURN(KeyspaceInfo found, Find(keyspace));
    auto kv = std::make_unique<EmbeddedKv>(core_, found.id);
    return OpenedKeyspace{std::move(found), std::move(kv)};
  }
  std::unique_ptr<Kv> OpenSystem() override {
    return std::make_unique<DecodingKv>(std::make_unique<EmbeddedKv>(core_, kSystemKeyspace),
                                        KeyspaceOptions{});
  }
  Result<KeyspaceInfo> Find(const std::string& keyspace) override {
    return FindKeyspace(system_, keyspace);
  }
  Result<KeyspaceInfo> Create(const std::string& keyspace,
                              const KeyspaceOptions& options) override {
    return CreateKeyspace(system_, keyspace, options);
  }
  Result<std::vector<KeyspaceInfo>> List() override { return ListKeyspaces(system_); }
  Status Drop(const std::string& keyspace) override {
    RETURN_IF_ERROR(UnnameKeyspace(system_, keyspace));
    return EraseUnnamed();
  }
  // Finishes every Drop.
  Status EraseUnnamed() {
    ASSIGN_OR_RETURN(const std::vector<KeyspaceId> unnamed, ListUnnamed(system_));
    for (const KeyspaceId id : unnamed) {
      EmbeddedKv kv(core_, id);
      RETURN_IF_ERROR(EraseAll(kv));
      RETURN_IF_ERROR(ForgetUnnamed(system_, id));
    }
    return {};
  }
  EmbeddedStats stats() const override { return {parts_.log->stats(), parts_.store->usage()}; }
  Status Flush() override {
    RETURN_IF_ERROR(parts_.store->Flush());
    return parts_.log->TruncateBefore(log::Lsn(parts_.store->flushed()));
  }

 private:
  Parts parts_;
  EmbeddedCore core_;
  DecodingKv system_;
};

Result<std::unique_ptr<Embedded>> Finish(Parts parts, Disk& disk, EmbeddedOptions options,
                                         const Clock& clock) {
  options.log.payload_bytes_max = state::kTransactionBytesMax + (64 << 10);
  ASSIGN_OR_RETURN(parts.log, log::OpenLog(disk, options.log));
  RETURN_IF_ERROR(Replay(*parts.log, *parts.store));
  auto form = std::make_unique<EmbeddedForm>(std::move(parts), options, clock);
  RETURN_IF_ERROR(form->EraseUnnamed());
  return form;
}

}  // namespace

Result<std::unique_ptr<Embedded>> OpenEmbedded(const std::string& directory,
                                               const EmbeddedOptions& options, const Clock& clock) {
  Parts parts;
  ASSIGN_OR_RETURN(parts.directory, store::OpenDirectory(directory, options.if_missing));
  ASSIGN_OR_RETURN(parts.owned_disk, OpenPosixDisk(parts.directory->path() + "/log"));
  ASSIGN_OR_RETURN(parts.store, store::OpenLmdbStore(parts.directory->path(), options.store));
  Disk& disk = *parts.owned_disk;
  return Finish(std::move(parts), disk, options, clock);
}

Result<std::unique_ptr<Embedded>> OpenEmbeddedOn(std::unique_ptr<store::Store> store, Disk& disk,
                                                 const EmbeddedOptions& options,
                                                 const Clock& clock) {
  Parts parts;
  parts.store = std::move(store);
  return Finish(std::move(parts), disk, options, clock);
}

}  // namespace metaring::client
