// SPDX-License-Identifier: Apache-2.0
//
// mknod(2), mkfifo(3), and that the objects made can be used: fifos, sockets, devices.
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cstring>

#include "tests/cluster/posix/harness.h"

namespace metaring::posix {
namespace {

class Mknod : public Posix {};

sockaddr_un AddressOf(const char* path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

TEST_F(Mknod, MakesEveryTypeWithModeAndDevice) {
  NEEDS_ROOT();
  const dev_t device = makedev(259, 70'000);
  for (const mode_t type : {S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK}) {
    MUST_WORK(mknod("n", type | 0640, device));
    const struct stat st = Lstat("n");
    EXPECT_EQ(st.st_mode, type | 0640);
    EXPECT_EQ(st.st_nlink, 1u);
    EXPECT_EQ(st.st_size, 0);
    if (type == S_IFCHR || type == S_IFBLK) {
      EXPECT_EQ(st.st_rdev, device);
    }
    MUST_WORK(unlink("n"));
  }
}

TEST_F(Mknod, WithoutATypeMakesARegularFile) {
  MUST_WORK(mknod("n", 0644, 0));
  EXPECT_TRUE(S_ISREG(Lstat("n").st_mode));
  Put("n", "hello");
  EXPECT_EQ(Get("n"), "hello");
}

TEST_F(Mknod, RefusesDirectoriesAndSymlinks) {
  NEEDS_ROOT();
  FAILS(EPERM, mknod("n", S_IFDIR | 0755, 0));
  FAILS(EINVAL, mknod("n", S_IFLNK | 0755, 0));
  EXPECT_FALSE(Exists("n"));
}

TEST_F(Mknod, AppliesTheUmask) {
  umask(0022);
  MUST_WORK(mknod("n", S_IFREG | 0666, 0));
  MUST_WORK(mkfifo("p", 0666));
  EXPECT_EQ(ModeOf("n"), 0644u);
  EXPECT_EQ(ModeOf("p"), 0644u);
}

TEST_F(Mknod, FailsWhenTheNameExists) {
  for (const Kind kind : kAllKinds) {
    if ((kind == Kind::kCharacter || kind == Kind::kBlock) && !Root()) continue;
    MakeKind(kind, NameOf(kind));
    FAILS(EEXIST, mkfifo(NameOf(kind), 0644)) << NameOf(kind);
    FAILS(EEXIST, mknod(NameOf(kind), S_IFREG | 0644, 0)) << NameOf(kind);
  }
}

TEST_F(Mknod, FailsWithoutAParent) {
  Put("f");
  FAILS(ENOENT, mkfifo("missing/p", 0644));
  FAILS(ENOTDIR, mkfifo("f/p", 0644));
  FAILS(ENOENT, mkfifo("p/", 0644));
}

TEST_F(Mknod, MarksTheTimesOfTheParent) {
  const Watch parent(".");
  MUST_WORK(mkfifo("p", 0644));
  parent.Expect(kMtime | kCtime);
  const struct stat st = Lstat("p");
  EXPECT_TRUE(st.st_atim == st.st_mtim && st.st_mtim == st.st_ctim);
}

TEST_F(Mknod, DevicesAreForThePrivileged) {
  NEEDS_ROOT();
  FAILS(EPERM, As(kAlice, [] { return mknod("c", S_IFCHR | 0644, makedev(1, 3)); }));
  FAILS(EPERM, As(kAlice, [] { return mknod("b", S_IFBLK | 0644, makedev(1, 7)); }));
  WORKS(As(kAlice, [] { return mknod("p", S_IFIFO | 0644, 0); }));
  WORKS(As(kAlice, [] { return mknod("s", S_IFSOCK | 0644, 0); }));
  EXPECT_EQ(Lstat("p").st_uid, kAlice.uid);
  EXPECT_EQ(Lstat("s").st_gid, kAlice.gid);
}

TEST_F(Mknod, NeedsWritePermissionInTheParent) {
  NEEDS_ROOT();
  MUST_WORK(mkdir("d", 0755));
  FAILS(EACCES, As(kAlice, [] { return mkfifo("d/p", 0644); }));
  FAILS(EACCES, As(kAlice, [] { return mknod("d/n", S_IFREG | 0644, 0); }));
}

TEST_F(Mknod, AFifoCarriesBytesBetweenProcesses) {
  MUST_WORK(mkfifo("p", 0600));
  Fd both(open("p", O_RDWR));  // so that neither open blocks
  MUST_WORK(static_cast<int>(both));
  EXPECT_EQ(InChild([] {
              Fd writer(open("p", O_WRONLY));
              return write(writer, "through", 7) == 7 ? 0 : 1;
            }),
            0);
  char buffer[16] = {};
  EXPECT_EQ(read(both, buffer, sizeof buffer), 7);
  EXPECT_STREQ(buffer, "through");
  FAILS(ESPIPE, lseek(both, 0, SEEK_SET));
}

TEST_F(Mknod, AFifoSurvivesARename) {
  MUST_WORK(mkfifo("p", 0600));
  Fd reader(open("p", O_RDONLY | O_NONBLOCK));
  MUST_WORK(rename("p", "q"));
  Fd writer(open("q", O_WRONLY | O_NONBLOCK));
  MUST_WORK(static_cast<int>(writer));
  EXPECT_EQ(write(writer, "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(reader, &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(Mknod, BindMakesASocketThatCanBeConnected) {
  Fd server(socket(AF_UNIX, SOCK_STREAM, 0)), client(socket(AF_UNIX, SOCK_STREAM, 0));
  const sockaddr_un address = AddressOf("s");
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  MUST_WORK(bind(server, name, sizeof address));
  EXPECT_TRUE(S_ISSOCK(Lstat("s").st_mode));
  FAILS(ECONNREFUSED, connect(client, name, sizeof address));
  MUST_WORK(listen(server, 1));
  WORKS(connect(client, name, sizeof address));
  Fd accepted(accept(server, nullptr, nullptr));
  EXPECT_EQ(write(client, "hi", 2), 2);
  char buffer[4];
  EXPECT_EQ(read(accepted, buffer, 2), 2);
  Fd again(socket(AF_UNIX, SOCK_STREAM, 0));
  FAILS(EADDRINUSE, bind(again, name, sizeof address));
  MUST_WORK(unlink("s"));
  Fd late(socket(AF_UNIX, SOCK_STREAM, 0));
  FAILS(ENOENT, connect(late, name, sizeof address));
}

TEST_F(Mknod, ConnectingNeedsWritePermissionOnTheSocket) {
  NEEDS_ROOT();
  Fd server(socket(AF_UNIX, SOCK_STREAM, 0));
  const sockaddr_un address = AddressOf("s");
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  MUST_WORK(bind(server, name, sizeof address));
  MUST_WORK(listen(server, 4));
  auto connect_anew = [&] {
    Fd client(socket(AF_UNIX, SOCK_STREAM, 0));
    return connect(client, name, sizeof address);
  };
  WORKS(chmod("s", 0755));
  FAILS(EACCES, As(kAlice, connect_anew));
  WORKS(chmod("s", 0722));
  WORKS(As(kAlice, connect_anew));
}

TEST_F(Mknod, DevicesWork) {
  NEEDS_ROOT();
  MUST_WORK(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
  MUST_WORK(mknod("zero", S_IFCHR | 0666, makedev(1, 5)));
  Fd null(open("null", O_RDWR)), zero(open("zero", O_RDONLY));
  MUST_WORK(static_cast<int>(null));
  MUST_WORK(static_cast<int>(zero));
  char buffer[8] = "xxxxxxx";
  EXPECT_EQ(write(null, buffer, 8), 8);
  EXPECT_EQ(read(null, buffer, 8), 0);
  EXPECT_EQ(read(zero, buffer, 8), 8);
  EXPECT_EQ(std::string(buffer, 8), std::string(8, '\0'));
  MUST_WORK(mknod("nothing", S_IFCHR | 0666, makedev(4000, 1)));
  FAILS(ENXIO, open("nothing", O_RDONLY));
}

}  // namespace
}  // namespace metaring::posix
