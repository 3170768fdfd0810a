// SPDX-License-Identifier: Apache-2.0
// Reads the command line, runs the command, turns its outcome into an exit status.
#include <fcntl.h>
#ifdef TCPDWELL_STATIC
#include <nss.h>
#endif
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <utility>

#include "base/log.h"
#include "cli/command_line.h"

namespace tcpdwell::cli {
namespace {

int exit_status(ErrorCode code) {
    switch (code) {
    case ErrorCode::failed: return 1;
    case ErrorCode::usage: return 2;
    case ErrorCode::cannot_trace: return 3;
    }
    return 1;
}

/// One that is closed (>&-) would become the first file that is opened, and what is printed would
/// land in that: in a recording. One that takes its place fails as a closed one does, that data
/// isn't lost without a word.
void open_standard_descriptors() {
    constexpr std::pair<int, int> kPlaces[] = {
        {STDIN_FILENO, O_WRONLY}, {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_WRONLY}};
    for (const auto& [fd, mode] : kPlaces)
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            static_cast<void>(::open("/dev/null", mode)); // becomes `fd`, the lowest free one
}

/// A static program can't load the modules of another glibc that /etc/nsswitch.conf asks for: users
/// are those of /etc/passwd and /etc/group, hosts those of /etc/hosts and of DNS.
void look_up_without_modules() {
#ifdef TCPDWELL_STATIC
    for (const char* database : {"passwd", "group", "initgroups"})
        ::__nss_configure_lookup(database, "files");
    ::__nss_configure_lookup("hosts", "files dns");
#endif
}

int run(int argc, char** argv) {
    open_standard_descriptors();
    look_up_without_modules();
    ::signal(SIGPIPE, SIG_IGN); // write() reports a closed pipe (EPIPE)
    ::signal(SIGXFSZ, SIG_IGN); // and a file that may not grow (EFBIG)
    start_logging(0);
    CommandLine line;
    const Result<Action> chosen = line.read({argv + 1, argv + argc});
    if (!chosen) {
        print_error(chosen.error().message);
        return exit_status(chosen.error().code);
    }
    if (!*chosen) return 0; // the help has been printed
    const Result<int> outcome = (*chosen)();
    if (outcome) return *outcome;
    print_error(outcome.error().message);
    return exit_status(outcome.error().code);
}

} // namespace
} // namespace tcpdwell::cli

int main(int argc, char** argv) {
    try {
        return tcpdwell::cli::run(argc, argv);
    } catch (const std::exception& error) { // of a library; ours are Results
        tcpdwell::print_error(error.what());
        return 1;
    }
}
