// SPDX-License-Identifier: Apache-2.0
// fork(2) and a socket pair, one byte for each order and each answer.
#include "child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>

#include "sockets.h"

namespace tcpdwell::test {

namespace {

void send_byte(const Fd& line) { check(send(line.get(), "!", 1, MSG_NOSIGNAL), "order"); }

void await_byte(const Fd& line) {
    char byte = 0;
    if (check(recv(line.get(), &byte, 1, 0), "answer") == 0) {
        errno = EPIPE;
        check(-1, "the other process has ended");
    }
}

// Room for one descriptor.
union Control {
    std::array<char, CMSG_SPACE(sizeof(int))> bytes;
    cmsghdr align;
};

} // namespace

void Child::Script::await_order() const { await_byte(line_); }

void Child::Script::report_done() const { send_byte(line_); }

Fd Child::Script::await_descriptor() const {
    char byte = 0;
    iovec data{.iov_base = &byte, .iov_len = 1};
    Control control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    check(recvmsg(line_.get(), &message, MSG_CMSG_CLOEXEC), "recvmsg");
    int descriptor = -1;
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message))
        std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return Fd(check(descriptor, "descriptor"));
}

Child::Child(const char* comm, const std::function<void(const Script&)>& body) {
    std::array<int, 2> ends{};
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    line_ = Fd(ends[0]);
    Fd childs_end(ends[1]);
    const pid_t pid = check(fork(), "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, comm);
        line_.reset();
        try {
            body(Script(childs_end));
        } catch (const std::exception&) {
            _exit(1);
        }
        _exit(0);
    }
    task_ = {pid, comm};
}

Child::~Child() {
    if (task_.pid > 0) kill_it();
}

void Child::order() const { send_byte(line_); }

void Child::await_done() const { await_byte(line_); }

void Child::pass(const Fd& descriptor) const {
    char byte = '!';
    iovec data{.iov_base = &byte, .iov_len = 1};
    Control control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = descriptor.get();
    std::memcpy(CMSG_DATA(header), &number, sizeof number);
    check(sendmsg(line_.get(), &message, MSG_NOSIGNAL), "sendmsg");
}

void Child::kill_it() {
    kill(task_.pid, SIGKILL);
    await_exit();
}

void Child::await_exit() {
    waitpid(task_.pid, nullptr, 0);
    task_.pid = -1;
}

} // namespace tcpdwell::test
