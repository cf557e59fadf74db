// SPDX-License-Identifier: Apache-2.0
#include "kvnode/rpc/identity.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include <algorithm>

namespace metaring::rpc {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr int kSubjectEntries = 3;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The one value of a field of the subject; empty when there is none, or more than one.
ByteView OnlyEntry(X509_NAME* subject, int nid) {
  const int at = X509_NAME_get_index_by_NID(subject, nid, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, nid, at) >= 0) return {};
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<size_t>(ASN1_STRING_length(value))};
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kClient:
      return "client";
    case Role::kAdmin:
      return "admin";
    case Role::kNode:
      return "node";
  }
  return "none";
}

std::optional<Role> ParseRole(ByteView text) {
  for (const Role role : {Role::kClient, Role::kAdmin, Role::kNode}) {
    if (text == RoleName(role)) return role;
  }
  return std::nullopt;
}

bool IsValidName(ByteView name) {
  return !name.empty() && name.size() <= kNameBytesMax && IsAlphanumeric(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

Result<Identity> IdentityOf(const x509_st* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const std::optional<Role> role = ParseRole(OnlyEntry(subject, NID_organizationalUnitName));
  const ByteView name = OnlyEntry(subject, NID_commonName);
  if (X509_NAME_entry_count(subject) != kSubjectEntries || !role || !IsValidName(name) ||
      OnlyEntry(subject, NID_organizationName) != "Metaring") {
    return Fail(ErrorCode::kPermissionDenied,
                "the certificate's subject is not O=Metaring, OU=node|client|admin, CN=name");
  }
  return Identity{*role, Bytes(name)};
}

}  // namespace metaring::rpc
