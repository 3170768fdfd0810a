// SPDX-License-Identifier: Apache-2.0
#include "run/child_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/child_process.h"
#include "base/log.h"

namespace tcpdwell::run {
namespace {

bool become(const CommandUser& user) {
    return ::initgroups(user.name.c_str(), user.gid) == 0 &&
           ::setresgid(user.gid, user.gid, user.gid) == 0 &&
           ::setresuid(user.uid, user.uid, user.uid) == 0;
}

int run(const std::vector<std::string>& words, const Fd& gate,
        const std::optional<CommandUser>& user, CommandOutput output) {
    char go = 0;
    if (::read(gate.get(), &go, 1) != 1) return 0; // tracing never began
    if (user && !become(*user)) {
        print_error(fmt::format("cannot become user {}: {}", user->name, std::strerror(errno)));
        return 126;
    }
    if (output == CommandOutput::to_stderr && ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        print_error(fmt::format("cannot send the output of {} to standard error: {}", words.front(),
                                std::strerror(errno)));
        return 126;
    }
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    for (const int ignored : {SIGPIPE, SIGXFSZ}) ::signal(ignored, SIG_DFL); // it would stay so
    ::execvp(arguments.front(), arguments.data());
    const int error = errno;
    print_error(fmt::format("cannot run {}: {}", words.front(), std::strerror(error)));
    return error == ENOENT ? 127 : 126;
}

} // namespace

ChildCommand::ChildCommand(ChildCommand&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), gate_(std::move(other.gate_)), status_(other.status_),
      signaller_(std::move(other.signaller_)) {}

ChildCommand::~ChildCommand() {
    if (pid_ == 0 || status_ || !gate_) return;
    gate_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

Result<CommandUser> find_command_user(const std::string& name) {
    errno = 0;
    const passwd* found = ::getpwnam(name.c_str());
    if (found == nullptr)
        return fail(ErrorCode::usage, fmt::format("--user {}: there is no such user{}{}", name,
                                                  errno == 0 ? "" : ", or none can be found: ",
                                                  errno == 0 ? "" : std::strerror(errno)));
    CommandUser user{name, found->pw_uid, found->pw_gid};
    if (::geteuid() != 0)
        return fail(ErrorCode::cannot_trace,
                    fmt::format("--user {}: only root can run a command as another user; run "
                                "tcpdwell with sudo",
                                name));
    return user;
}

Result<ChildCommand> ChildCommand::prepare(const std::vector<std::string>& words,
                                           const std::optional<CommandUser>& user,
                                           CommandOutput output) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail(ErrorCode::failed, fmt::format("pipe: {}", std::strerror(errno)), errno);
    Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0)
        return fail(ErrorCode::failed, fmt::format("fork: {}", std::strerror(errno)), errno);
    if (pid == 0) {
        write_end.reset();
        exit_with([&] { return run(words, read_end, user, output); });
    }
    return ChildCommand(pid, std::move(write_end));
}

void ChildCommand::go() {
    const char go = 1;
    static_cast<void>(!::write(gate_.get(), &go, 1));
    gate_.reset();
}

std::optional<int> ChildCommand::poll() {
    if (status_ || gate_) return status_;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_)
        status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return status_;
}

void ChildCommand::signal(int number) {
    if (gate_ || poll()) return;
    if (signaller_)
        signaller_(number);
    else
        ::kill(pid_, number);
}

} // namespace tcpdwell::run
