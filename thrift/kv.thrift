// SPDX-License-Identifier: Apache-2.0
//
// The public API of a node: what any Thrift client can ask over TLS. Binary protocol in frames of
// at most 20 MiB, one connection with as many requests in flight as the client likes: they are
// answered in any order, matched by seqid.
//
// The rule of evolution (README.md beside this file): one request and one reply struct for each
// method; every field optional, so "absent" always has a stated meaning; ids are never used again;
// a reader skips fields that it does not know. `hello` tells which versions a node speaks.
//
// Limits, unless a field says otherwise: keys 0 B to 1 MiB, values 0 B to 16 MiB as stored (in the
// codec) and as decoded, names of keyspaces 1 to 64 of a-z A-Z 0-9 . _ - and not a dot first. What
// is over a limit is INVALID_ARGUMENT, naming the field and the limit, and nothing was done.
namespace cpp metaring.wire
namespace py metaring.wire.kv

// What went wrong, in one word. The names are those of logs, JSON and exit messages.
enum ErrorCode {
  INVALID_ARGUMENT = 1,   // the request itself is wrong; the message names the field and the limit
  NOT_FOUND = 2,          // a thing that the request names does not exist (not: a missing key)
  EXISTS = 3,             // a thing that must not exist does
  PERMISSION_DENIED = 4,  // the caller's role and grants do not allow this
  TOO_BIG = 13,           // over a fixed limit
  NO_SPACE = 15,          // quota or disk is full; deletes and reads go on
  READ_ONLY = 16,
  STALE = 17,             // keyspace_id was given and the keyspace is another one by now
  UNSUPPORTED = 18,       // this node does not know the method, mode or flag
  CONFLICT = 19,          // lost against concurrent writers too often; retry
  BUSY = 20,              // over a bound of the node; surely not done; retry after retry_after_ms
  UNAVAILABLE = 21,       // this node cannot answer now; surely not done; try another
  DEADLINE_EXCEEDED = 22, // the deadline passed; of a write: surely not done
  CANCELLED = 23,
  UNKNOWN_OUTCOME = 24,   // a write that may or may not be done; only a retry under the same
                          // request id is safe
  CORRUPT = 25,           // stored data whose checksum is wrong
  IO = 26,
  FORMAT_MISMATCH = 27,
  INTERNAL = 28,
}

exception KvError {
  1: optional ErrorCode code      // absent: INTERNAL
  2: optional string message      // one sentence for a person
  3: optional i32 retry_after_ms  // BUSY, UNAVAILABLE: when a retry may do better; absent: at once
}

// How a value is encoded. The writer chooses and the reader decodes, so that compressed values also
// travel compressed.
enum Codec {
  NONE = 0,
  ZSTD = 1,  // one frame of RFC 8878 that states its content size
}

// Names one write of one client, so that a retry returns the first outcome instead of writing
// again. Outcomes are kept for 15 minutes after the client's last write, 256 at most for a client;
// a retry that comes later is UNKNOWN_OUTCOME, never applied. Clients stop retrying after 5 min.
struct RequestId {
  1: optional i64 client              // random, chosen once by the client; not 0
  2: optional i64 sequence            // 1, 2, ...: grows with each write of the client
  3: optional i64 lowest_outstanding  // the client retries nothing below it any more; default 0
}

// What a request to a keyspace is about; the first field of each of them.
struct Target {
  1: optional string keyspace      // its name
  2: optional i32 keyspace_id      // when given, the name must still mean this keyspace, else STALE
  // How long the caller waits for the answer from its arrival on, 1 to 3,600,000 ms; absent: 30 s.
  // A request whose time has passed before it is begun is DEADLINE_EXCEEDED.
  3: optional i32 deadline_ms
}

struct Record {
  1: optional binary value
  2: optional Codec codec    // of `value`; absent: NONE
  3: optional i64 version    // at which it was last written: grows with every write of its slot
}

// --- hello ---------------------------------------------------------------------------------------

const i32 PROTOCOL_VERSION = 1
const i32 PROTOCOL_VERSION_MIN = 1  // the oldest that this IDL's nodes still speak

struct HelloRequest {
  1: optional i32 version_min     // the range that the client speaks; absent: 1
  2: optional i32 version_max
  3: optional string cluster_id   // when given, it must be the node's, else FORMAT_MISMATCH
  4: optional string client_name  // program and version, for the node's log; at most 128 B
}
struct HelloReply {
  1: optional i32 version         // the highest that both speak; none in common: UNSUPPORTED
  2: optional string cluster_id   // 32 hex digits
  3: optional i64 node_id
  4: optional string node_name    // as in its certificate
  5: optional string software     // "kvnode 0.1.0"
  6: optional i64 key_bytes_max
  7: optional i64 value_bytes_max
  8: optional i64 frame_bytes_max
  9: optional string peer_name    // who the node takes the caller for
  10: optional string peer_role   // "client", "admin", "node"; "none" in plain text
}

// --- reads ---------------------------------------------------------------------------------------

struct GetRequest {
  1: optional Target target
  2: optional binary key          // absent: the empty key
}
struct GetReply {
  1: optional Record record       // absent: there is no such key
}

struct MultiGetRequest {
  1: optional Target target
  2: optional list<binary> keys   // at most 4096; their values at most 16 MiB, else TOO_BIG
}
struct MaybeRecord {
  1: optional Record record       // absent: there is no such key
}
struct MultiGetReply {
  1: optional list<MaybeRecord> records  // one for each key, in their order, from one snapshot
}

struct ScanRequest {
  1: optional Target target
  2: optional binary start_key    // keys in [start_key, end_key); absent: from the first key
  3: optional binary end_key      // absent or empty: the keys that start with `start_key`
  4: optional i32 limit           // records of this page, 1 to 10,000; absent: 1000
  5: optional binary cursor       // of the last page; opaque, good while keys come and go
  6: optional bool keys_only      // values are left empty; absent: false
  // A record with a wrong checksum is an item that says so; absent: it ends the scan with CORRUPT.
  7: optional bool keep_damaged
}
struct ScanItem {
  1: optional binary key
  2: optional Record record
  3: optional bool damaged        // with keep_damaged; absent: false
}
// A page ends at `limit` records or 4 MiB of values. It is one snapshot of each slot; several pages
// are not.
struct ScanReply {
  1: optional list<ScanItem> items  // in byte order of the keys
  2: optional binary cursor         // where the next page begins; absent: there is none
}

// --- writes --------------------------------------------------------------------------------------

struct PutRequest {
  1: optional Target target
  2: optional binary key
  3: optional binary value        // absent: empty
  4: optional Codec codec         // of `value`; absent: NONE
  5: optional RequestId request_id
}
struct PutReply {
  1: optional i64 version
}

struct DeleteRequest {
  1: optional Target target
  2: optional binary key
  3: optional RequestId request_id
}
struct DeleteReply {
  1: optional bool existed
}

enum CompareKind {
  EXISTS = 1,
  ABSENT = 2,
  VERSION = 3,      // exists, and its version is `version`
  VALUE = 4,        // exists, and its decoded value is `value`
  RANGE_EMPTY = 5,  // no key in [key, end_key); absent or empty `end_key`: none starts with `key`
}
struct Compare {
  1: optional CompareKind kind
  2: optional binary key
  3: optional i64 version
  4: optional binary value
  5: optional binary end_key
}

enum OpKind {
  PUT = 1,
  DELETE = 2,  // of a missing key: nothing
  ADD = 3,     // the value is a little-endian i64 (missing: 0); wraps around
  MAX = 4,     // the value is a little-endian i64 (missing: set)
}
struct Op {
  1: optional OpKind kind
  2: optional binary key
  3: optional binary value   // PUT
  4: optional Codec codec    // PUT: of `value`; absent: NONE
  5: optional i64 delta      // ADD: the summand; MAX: the candidate
}

// If every compare holds all ops are applied in their order, else none is and the reads are done.
// At most 2 MiB of keys and values together, and 8192 compares, ops and reads.
struct TransactRequest {
  1: optional Target target
  2: optional list<Compare> compares
  3: optional list<Op> then_ops
  4: optional list<binary> else_reads  // their values at most 16 MiB together, else TOO_BIG
  5: optional RequestId request_id
  6: optional bool frees_space   // this gives space back: it may use the reserve of a full store
}
struct TransactReply {
  1: optional bool succeeded
  2: optional i64 version         // succeeded: what the written records carry
  3: optional i32 failed_compare  // not succeeded: index of the first compare that does not hold
  4: optional list<MaybeRecord> reads  // not succeeded: the else_reads, in their order
}

// --- the node and the cluster --------------------------------------------------------------------

enum Health {
  OK = 1,
  READ_ONLY = 2,  // reads and deletes go on: the store is full
  DRAINING = 3,   // it is about to stop: go elsewhere
}
struct HealthCheckRequest {
}
struct HealthCheckReply {
  1: optional Health health
  2: optional string message      // for a person; absent: nothing to say
  3: optional i64 uptime_seconds
  // What is well and will not stay so, for a person: a certificate or a revocation list that
  // expires soon. One sentence each; absent: none.
  4: optional list<string> warnings
}

struct NodeInfo {
  1: optional i64 id
  2: optional string name         // of its certificate
  3: optional string address      // HOST:PORT for clients
  4: optional string rack
}
struct ClusterMapRequest {
}
struct ClusterMapReply {
  1: optional string cluster_id
  2: optional i64 epoch           // grows with every change of the map
  3: optional i32 ring_size       // slots
  4: optional list<NodeInfo> nodes
}

enum Mode {
  STRONG = 1,    // linearizable
  EVENTUAL = 2,  // not served yet: UNSUPPORTED
}
enum WriteAck {
  MAJORITY = 1,
  ALL_IN_SYNC = 2,
}
enum Placement {
  KEY = 1,     // the whole key is hashed
  PARENT = 2,  // the key up to and with its last '/'
}
enum Compression {
  NONE = 0,
  ZSTD = 1,    // by the client, of values from compression_bytes_min on
}
struct Keyspace {
  1: optional string name
  2: optional i32 id                     // made by the cluster, never used again
  3: optional Mode mode                  // fixed at creation; default STRONG
  4: optional i32 replicas               // wanted, 1 to 9; default 3; effective: no more than nodes
  5: optional WriteAck write_ack         // default MAJORITY
  6: optional Placement placement        // fixed at creation; default KEY
  7: optional Compression compression    // fixed at creation; default NONE
  8: optional i32 compression_bytes_min  // smaller values are stored as they are; default 512
}
struct KeyspaceCreateRequest {
  1: optional Keyspace keyspace          // without id
  2: optional i32 deadline_ms
}
struct KeyspaceCreateReply {
  1: optional Keyspace keyspace          // with all defaults and the id
}
struct KeyspaceListRequest {
}
struct KeyspaceListReply {
  1: optional list<Keyspace> keyspaces   // by name; clients see those that they have a grant for
}
struct KeyspaceDropRequest {
  1: optional string name
  2: optional i32 deadline_ms
}
struct KeyspaceDropReply {
}

// What a client may do in a keyspace; each level has those before it. Admins need no grant.
enum Access {
  READ = 1,
  WRITE = 2,
  ADMIN = 3,  // also: create, change and drop the keyspace
}
struct Grant {
  1: optional string client    // the CN of its certificate
  2: optional string keyspace  // a name, or "*": every keyspace
  3: optional Access access    // absent in grant_set: the grant is taken away
}
struct GrantSetRequest {
  1: optional Grant grant
}
struct GrantSetReply {
}
struct GrantListRequest {
  1: optional string client    // absent: all
}
struct GrantListReply {
  1: optional list<Grant> grants  // by client, then keyspace
}

struct StatsRequest {
}
struct StatsReply {
  1: optional map<string, i64> counters  // by name, as the node's README lists them
}

service Kv {
  HelloReply hello(1: HelloRequest request) throws (1: KvError error)

  GetReply get(1: GetRequest request) throws (1: KvError error)
  MultiGetReply multi_get(1: MultiGetRequest request) throws (1: KvError error)
  ScanReply scan(1: ScanRequest request) throws (1: KvError error)

  PutReply put(1: PutRequest request) throws (1: KvError error)
  // Thrift reserves the word "delete".
  DeleteReply delete_key(1: DeleteRequest request) throws (1: KvError error)
  TransactReply transact(1: TransactRequest request) throws (1: KvError error)

  HealthCheckReply health_check(1: HealthCheckRequest request) throws (1: KvError error)
  ClusterMapReply cluster_map(1: ClusterMapRequest request) throws (1: KvError error)
  StatsReply stats(1: StatsRequest request) throws (1: KvError error)

  KeyspaceCreateReply keyspace_create(1: KeyspaceCreateRequest request) throws (1: KvError error)
  KeyspaceListReply keyspace_list(1: KeyspaceListRequest request) throws (1: KvError error)
  KeyspaceDropReply keyspace_drop(1: KeyspaceDropRequest request) throws (1: KvError error)

  GrantSetReply grant_set(1: GrantSetRequest request) throws (1: KvError error)
  GrantListReply grant_list(1: GrantListRequest request) throws (1: KvError error)
}
