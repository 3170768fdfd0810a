// SPDX-License-Identifier: Apache-2.0
// fork, exec, and a nameless file for each stream.
#include "tracer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "moment.h"
#include "sockets.h"

namespace tcpdwell::test {

namespace {

Fd nameless_file() { return Fd(check(memfd_create("output", MFD_CLOEXEC), "memfd_create")); }

std::string contents(const Fd& file) {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()))) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

pid_t start(const std::vector<std::string>& arguments, const Fd& out, const Fd& err) {
    std::vector<std::string> words = tcpdwell_command(arguments);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t pid = check(fork(), "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out.get(), STDOUT_FILENO);
        dup2(err.get(), STDERR_FILENO);
        execv(argv.front(), argv.data());
        _exit(127);
    }
    return pid;
}

int await_exit(pid_t pid, nanoseconds limit) {
    const nanoseconds deadline = monotonic_now() + patience(limit);
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (monotonic_now() > deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        pause(10ms);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

std::string tcpdwell_path() {
    const char* path = std::getenv("TCPDWELL");
    return path != nullptr ? path : "";
}

std::vector<std::string> tcpdwell_command(std::vector<std::string> arguments) {
    static const std::set<std::string> tracing{"trace", "report", "record", "check"};
    static const std::set<std::string> reading{"-r", "--read"};
    const char* probes = std::getenv("TCPDWELL_PROBES");
    const bool reads =
        std::any_of(arguments.begin(), arguments.end(), [](const std::string& word) { return reading.contains(word); });
    if (probes != nullptr && !reads && !arguments.empty() && tracing.contains(arguments.front()))
        arguments.insert(arguments.begin() + 1, {"--probes", probes});
    arguments.insert(arguments.begin(), tcpdwell_path());
    return arguments;
}

int run_tcpdwell(const std::vector<std::string>& arguments, std::chrono::seconds limit, std::string& output) {
    const Fd file = nameless_file();
    const int status = await_exit(start(arguments, file, file), limit);
    output = contents(file);
    return status;
}

Tracer::Tracer(const std::vector<std::string>& arguments) : out_(nameless_file()), err_(nameless_file()) {
    pid_ = start(arguments, out_, err_);
}

Tracer::~Tracer() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Tracer::read_more() {
    std::array<char, 65536> buffer;
    for (ssize_t got = 0; (got = pread(out_.get(), buffer.data(), buffer.size(), read_up_to_)) > 0;
         read_up_to_ += got) {
        rest_.append(buffer.data(), static_cast<std::size_t>(got));
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
            lines_.push_back(nlohmann::json::parse(rest_.substr(begin, end - begin)));
        rest_.erase(0, begin);
    }
}

bool Tracer::await_first_line(std::chrono::seconds limit) {
    const nanoseconds deadline = monotonic_now() + patience(limit);
    for (; monotonic_now() < deadline; pause(20ms)) {
        read_more();
        if (!lines_.empty()) return true;
        if (waitpid(pid_, nullptr, WNOHANG) == pid_) { // it gave up
            pid_ = -1;
            return false;
        }
    }
    return false;
}

int Tracer::interrupt(std::chrono::seconds limit) {
    if (pid_ <= 0) return -1;
    kill(pid_, SIGINT);
    const int status = await_exit(std::exchange(pid_, -1), limit);
    read_more();
    return status;
}

std::string Tracer::printed() const { return contents(out_); }

std::string Tracer::complaints() const { return contents(err_); }

} // namespace tcpdwell::test
