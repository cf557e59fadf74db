// SPDX-License-Identifier: Apache-2.0
//
// Metaring from a program: start here.
//
//   metaring::ClientOptions options;
//   options.config_file = metaring::DefaultConfigFile();
//   auto client = metaring::Client::Open(options);
//   if (!client) return Complain(client.error());
//   auto users = client->OpenKeyspace("users");
//   if (!users) return Complain(users.error());
//   auto version = users->Put("alice", "42");
//   for (const metaring::ScanItem& item : users->Scan({.prefix = "a"})) Use(item.key, item.value);
//
// Every operation returns a Result (result.h): a value, or an Error with a code and a sentence. A
// write ends done, refused (surely not applied), or with kUnknownOutcome (it may be applied, and
// the client could not find out before the deadline). Retries, reconnecting and request ids, by
// which a repeated write is applied once, are the library's.
//
// Everything is thread-safe. Operations wait; those that take a callback do not, and call it once:
// on a thread of the library, where it must not block or wait for the library, or before they
// return, when nothing had to be sent.
#ifndef METARING_KVNODE_CLIENT_METARING_METARING_H_
#define METARING_KVNODE_CLIENT_METARING_METARING_H_

#include <metaring/client.h>
#include <metaring/keyspace.h>
#include <metaring/result.h>
#include <metaring/transaction.h>
#include <metaring/version.h>
#include <metaring/volume.h>

#endif  // METARING_KVNODE_CLIENT_METARING_METARING_H_
