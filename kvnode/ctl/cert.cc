// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/cert.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string>

#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"
#include "kvnode/rpc/certificates.h"

namespace metaring::ctl {
namespace {

constexpr uint32_t kCaDays = 3650;
constexpr uint32_t kLeafDays = 365;
constexpr int kListDays = 30;

struct CertArguments {
  std::string directory = ".";
  std::string name;
  std::vector<std::string> names;  // DNS names and addresses of a node
  std::vector<std::string> revoked;
  uint32_t days = kLeafDays;  // to 100 years
  bool force = false;

  std::string Path(const std::string& file) const { return directory + "/" + file; }
  rpc::CertificateFiles Files(const std::string& base) const {
    return {Path(base + ".crt"), Path(base + ".key")};
  }
};

// Made for its owner alone, if it is missing.
Status MakeDirectory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Fail(ErrnoError(errno, "make directory " + Escaped(directory, 4096)));
}

void Say(const rpc::CertificateFiles& files) {
  Print(fmt::format("{}\n{}\n", files.certificate_file, files.key_file));
}

Result<int> CreateCa(const CertArguments& args) {
  RETURN_IF_ERROR(MakeDirectory(args.directory));
  const rpc::CertificateFiles files = args.Files("ca");
  RETURN_IF_ERROR(rpc::CreateCa(args.name, static_cast<int>(args.days), files, args.force));
  Say(files);
  return kExitOk;
}

Result<int> CreateLeaf(const CertArguments& args, rpc::Role role) {
  if (args.name == "ca") {
    return Fail(ErrorCode::kInvalidArgument, "NAME: 'ca' is the name of the CA's own files");
  }
  rpc::CertificateRequest request;
  request.identity = {role, args.name};
  request.names = args.names;
  request.days_valid = static_cast<int>(args.days);
  const rpc::CertificateFiles files = args.Files(args.name);
  RETURN_IF_ERROR(rpc::CreateCertificate(args.Files("ca"), request, files, args.force));
  Say(files);
  return kExitOk;
}

Result<int> CreateNode(const CertArguments& args) {
  return CreateLeaf(args, rpc::Role::kNode);
}
Result<int> CreateClient(const CertArguments& args) {
  return CreateLeaf(args, rpc::Role::kClient);
}
Result<int> CreateAdmin(const CertArguments& args) {
  return CreateLeaf(args, rpc::Role::kAdmin);
}

Result<int> Revoke(const CertArguments& args) {
  const std::string list = args.Path("ca.crl");
  RETURN_IF_ERROR(rpc::Revoke(args.Files("ca"), args.revoked, static_cast<int>(args.days), list));
  Print(list + "\n");
  return kExitOk;
}

using Body = Result<int> (*)(const CertArguments& args);

struct Declared {
  CLI::App* app;
  std::shared_ptr<CertArguments> args;
  Command Runs(Body body) const {
    return {app, [args = args, body] { return ExitStatusOf(body(*args)); }};
  }
};

Declared Declare(CLI::App& group, const char* name, const char* what, uint32_t days) {
  Declared declared{AddCommand(group, name, what), std::make_shared<CertArguments>()};
  CertArguments& args = *declared.args;
  args.days = days;
  AddOption(*declared.app, "--dir", args.directory, "Where the files are")->capture_default_str();
  AddOption(*declared.app, "--days", args.days, "Valid so long from now")
      ->check(InRange(1, 36'500))
      ->capture_default_str();
  return declared;
}

Declared DeclareCreate(CLI::App& group, const char* name, const char* what, uint32_t days) {
  Declared declared = Declare(group, name, what, days);
  AddFlag(*declared.app, "--force", declared.args->force, "Overwrite files that are there");
  return declared;
}

Declared DeclareLeaf(CLI::App& group, const char* name, const char* what) {
  Declared declared = DeclareCreate(group, name, what, kLeafDays);
  AddOption(*declared.app, "NAME", declared.args->name,
            "Its name: 1 to 64 of A-Z a-z 0-9 . _ -; files NAME.crt and NAME.key")
      ->required();
  return declared;
}

}  // namespace

std::vector<Command> AddCertCommands(CLI::App& root) {
  CLI::App& group = *AddCommand(root, "cert", "Certificates for clusters without a CA");
  group.require_subcommand(1);
  group.footer(
      "Keys are ECDSA P-256, key files have mode 0400. Keep ca.key off the nodes: who has it can "
      "be\n"
      "anybody. The names of the files that were written are printed.");
  const Declared ca = DeclareCreate(group, "create-ca", "Make a CA: ca.crt, ca.key", kCaDays);
  ca.args->name = "Metaring-CA";
  AddOption(*ca.app, "--name", ca.args->name, "The CA's own name")->capture_default_str();
  const Declared node = DeclareLeaf(group, "create-node", "Make the certificate of a kvnode");
  AddOption(*node.app, "--host", node.args->names, "DNS name or address of the node; once for each")
      ->required();
  const Declared client =
      DeclareLeaf(group, "create-client", "Make the certificate of a client or a mount");
  const Declared admin = DeclareLeaf(group, "create-admin", "Make the certificate of an operator");
  const Declared revoke = Declare(
      group, "revoke", "Renew the revocation list ca.crl, with more certificates", kListDays);
  AddOption(*revoke.app, "CERTIFICATE", revoke.args->revoked,
            "Files; without any the list is kept");
  return {ca.Runs(CreateCa), node.Runs(CreateNode), client.Runs(CreateClient),
          admin.Runs(CreateAdmin), revoke.Runs(Revoke)};
}

}  // namespace metaring::ctl
