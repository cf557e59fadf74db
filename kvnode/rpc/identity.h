// SPDX-License-Identifier: Apache-2.0
//
// Identity: who is at the other end of a connection, as its certificate says.
//
//   subject = O=Metaring, OU=<role>, CN=<name>      exactly these three, one of each
//   role    = "node" | "client" | "admin"
//   name    = 1 to 64 of [A-Za-z0-9._-], beginning with a letter or digit
//
// A certificate with any other subject is refused in the TLS handshake, whoever signed it: mutual
// TLS says who someone is, and a row of a table (not this folder's) what he may do.
#ifndef METARING_KVNODE_RPC_IDENTITY_H_
#define METARING_KVNODE_RPC_IDENTITY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

struct x509_st;

namespace metaring::rpc {

// kNone: a connection in plain text, which proves nothing.
enum class Role : uint8_t { kNone, kClient, kAdmin, kNode };

std::string_view RoleName(Role role);
// Of the three roles that a certificate can have.
std::optional<Role> ParseRole(ByteView text);
bool IsValidName(ByteView name);

struct Identity {
  Role role = Role::kNone;
  std::string name;  // empty with kNone
};

// What the subject of a certificate says. kPermissionDenied when it is not as above.
Result<Identity> IdentityOf(const x509_st* certificate);

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_IDENTITY_H_
