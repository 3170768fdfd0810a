// SPDX-License-Identifier: Apache-2.0
#include "run/keeper.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/child_process.h"

namespace tcpdwell::run {
namespace {

// Requests. All others are numbers of signals.
constexpr unsigned char kPublish = 0;
constexpr unsigned char kEnd = 255;

/// The answer to kPublish: errno, and what went wrong; "" if nothing did.
struct KeeperAnswer {
    int error_number = 0;
    std::array<char, 512> message{};
};

KeeperAnswer answer_of(const Result<void>& outcome) {
    KeeperAnswer answer;
    if (outcome) return answer;
    const std::string& message = outcome.error().message;
    answer.error_number = outcome.error().error_number;
    std::memcpy(answer.message.data(), message.data(),
                std::min(message.size(), answer.message.size() - 1));
    return answer;
}

int serve(const KeeperDuties& duties, int line) {
    unsigned char request = kEnd;
    while (true) {
        const ssize_t got = ::recv(line, &request, sizeof(request), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got != sizeof(request) || request == kEnd) break; // or the main process has ended
        if (request == kPublish) {
            const auto outcome = duties.file != nullptr ? duties.file->publish() : Result<void>();
            const KeeperAnswer answer = answer_of(outcome);
            static_cast<void>(::send(line, &answer, sizeof(answer), MSG_NOSIGNAL));
        } else if (duties.command > 0 && request < NSIG) {
            ::kill(duties.command, request);
        }
    }
    if (duties.file != nullptr) duties.file->discard();
    return 0;
}

} // namespace

Result<std::shared_ptr<Keeper>> Keeper::start(const KeeperDuties& duties) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail(ErrorCode::failed, fmt::format("socketpair: {}", std::strerror(errno)), errno);
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0)
        return fail(ErrorCode::failed, fmt::format("fork: {}", std::strerror(errno)), errno);
    if (pid == 0) {
        exit_with([&] {
            ours.reset(); // so that its end is the main process's
            ::prctl(PR_SET_NAME, "tcpdwell-keeper");
            // What a terminal sends goes to the whole group; the main process decides.
            for (const int each :
                 {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2})
                ::signal(each, SIG_IGN);
            duties.in_child();
            return serve(duties, theirs.get());
        });
    }
    return std::shared_ptr<Keeper>(new Keeper(pid, std::move(ours)));
}

Keeper::~Keeper() {
    send(kEnd); // others may have the descriptor too
    line_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

void Keeper::send(unsigned char request) {
    static_cast<void>(::send(line_.get(), &request, sizeof(request), MSG_NOSIGNAL));
}

void Keeper::signal(int number) {
    if (number > 0 && number < NSIG) send(static_cast<unsigned char>(number));
}

Result<void> Keeper::publish() {
    send(kPublish);
    KeeperAnswer answer;
    ssize_t got = -1;
    while ((got = ::recv(line_.get(), &answer, sizeof(answer), 0)) < 0 && errno == EINTR) {}
    if (got != sizeof(answer))
        return fail(ErrorCode::failed, "the process that gives files their names has ended");
    answer.message.back() = '\0';
    if (answer.message.front() == '\0') return {};
    return fail(ErrorCode::failed, answer.message.data(), answer.error_number);
}

} // namespace tcpdwell::run
