// SPDX-License-Identifier: Apache-2.0
// fork, exec, waitpid.
#include "support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "support/check.h"
#include "support/moment.h"

namespace tcpdwell::test {

namespace {

Fd nameless_file() { return Fd(check(memfd_create("output", MFD_CLOEXEC), "memfd_create")); }

std::string contents(const Fd& file, std::size_t from = 0) {
    std::string text;
    std::array<char, 65536> buffer;
    const auto at = [&] { return static_cast<off_t>(from + text.size()); };
    for (ssize_t got = 0; (got = pread(file.get(), buffer.data(), buffer.size(), at())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

} // namespace

std::string find_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path != nullptr ? path : "/usr/bin:/bin") +
                               ":/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (const std::string file = folder + "/" + name; access(file.c_str(), X_OK) == 0)
            return file;
    return "";
}

void allow_many_descriptors() {
    rlimit files{};
    check(getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
    files.rlim_cur = files.rlim_max;
    check(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
}

bool may_be_missing() {
    const char* ci = std::getenv("CI");
    return ci == nullptr || std::string(ci) != "true";
}

Program::Program(std::vector<std::string> words, const Setting& setting)
    : out_(nameless_file()), err_(nameless_file()) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = check(fork(), "fork");
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(setting.out >= 0 ? setting.out : out_.get(), STDOUT_FILENO);
    dup2(err_.get(), STDERR_FILENO);
    setting.before_exec();
    if (setting.executable >= 0)
        fexecve(setting.executable, argv.data(), environ);
    else
        execvp(argv.front(), argv.data());
    _exit(127);
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_), out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Program::~Program() {
    if (pid_ > 0) stop(SIGKILL, std::chrono::seconds(10));
}

int Program::wait(std::chrono::nanoseconds limit) {
    const nanoseconds deadline = monotonic_now() + patience(limit);
    int status = 0;
    while (pid_ > 0 && waitpid(pid_, &status, WNOHANG) == 0) {
        if (monotonic_now() > deadline) {
            kill(pid_, SIGKILL);
            waitpid(pid_, &status, 0);
            break;
        }
        pause(5ms);
    }
    if (pid_ > 0) status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    pid_ = -1;
    return status_;
}

int Program::stop(int signal, std::chrono::nanoseconds limit) {
    if (pid_ > 0) kill(pid_, signal);
    return wait(limit);
}

std::string Program::printed(std::size_t from) const { return contents(out_, from); }

std::string Program::said() const { return contents(err_); }

bool Program::has_ended() const {
    siginfo_t info{};
    return pid_ <= 0 ||
           (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0);
}

bool Program::await_saying(const std::string& text, std::chrono::nanoseconds limit) {
    for (const nanoseconds deadline = monotonic_now() + patience(limit); monotonic_now() < deadline;
         pause(10ms)) {
        if (said().find(text) != std::string::npos) return true;
        if (has_ended()) return said().find(text) != std::string::npos;
    }
    return false;
}

int run(const std::vector<std::string>& words, std::chrono::nanoseconds limit) {
    return Program(words).wait(limit);
}

} // namespace tcpdwell::test
