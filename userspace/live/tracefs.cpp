// SPDX-License-Identifier: Apache-2.0
// Where tracefs isn't mounted, a child process does it for itself alone: mounts need a process with
// a mount namespace of its own, and ours must stay as it is because the cgroup and netns paths of
// the user are looked up in it.
#include "live/tracefs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include "base/child_process.h"
#include "host/proc_file.h"

namespace tcpdwell::live {
namespace {

constexpr const char* tracing = "/sys/kernel/tracing";
constexpr const char* tracing_in_debugfs = "/sys/kernel/debug/tracing";

using Ids = std::vector<std::optional<std::uint64_t>>;

/// 0, or the errno: ENOENT where it isn't mounted, EACCES where it is and mayn't be read.
int find_tracefs(const char* directory) {
    return ::faccessat(AT_FDCWD, fmt::format("{}/events", directory).c_str(), R_OK | X_OK,
                       AT_EACCESS) == 0
               ? 0
               : errno;
}

Ids read_ids(const char* directory, std::span<const TracepointName> names) {
    Ids ids;
    for (const TracepointName& each : names) {
        std::optional<std::uint64_t>& id = ids.emplace_back();
        const auto text = host::read_proc_file(
            fmt::format("{}/events/{}/{}/id", directory, each.category, each.name).c_str());
        std::uint64_t value = 0;
        if (text &&
            std::from_chars(text->data(), text->data() + text->size(), value).ec == std::errc{})
            id = value;
    }
    return ids;
}

/// In the child: ids as 64-bit numbers, 0 for none, which no tracepoint has. The exit status is the
/// errno of a failure.
int report_from_private_mount(int pipe, std::span<const TracepointName> names) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tracefs", tracing, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        return errno;
    for (const auto& id : read_ids(tracing, names)) {
        const std::uint64_t number = id.value_or(0);
        if (::write(pipe, &number, sizeof(number)) != sizeof(number)) return EIO;
    }
    return 0;
}

Result<Ids> ids_from_private_mount(std::span<const TracepointName> names) {
    const auto failure = [](int error) {
        return fail(ErrorCode::failed,
                    fmt::format("tracefs isn't mounted and can't be: {}; 'mount -t tracefs tracefs "
                                "{}' as root mounts it",
                                std::strerror(error), tracing),
                    error);
    };
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failure(errno);
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return failure(errno);
    if (child == 0) exit_with([&] { return report_from_private_mount(writing.get(), names); });
    writing.reset();

    Ids ids;
    std::uint64_t number = 0;
    while (::read(reading.get(), &number, sizeof(number)) == sizeof(number))
        ids.push_back(number == 0 ? std::nullopt : std::optional(number));
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (!WIFEXITED(status)) return failure(EINTR);
    if (WEXITSTATUS(status) != 0) return failure(WEXITSTATUS(status));
    if (ids.size() != names.size()) return failure(EIO);
    return ids;
}

} // namespace

Result<std::vector<std::optional<std::uint64_t>>>
tracepoint_ids(std::span<const TracepointName> names) {
    for (const char* directory : {tracing, tracing_in_debugfs}) {
        const int error = find_tracefs(directory);
        if (error == 0) return read_ids(directory, names);
        if (error == EACCES && directory == tracing)
            return fail(
                ErrorCode::failed,
                fmt::format("{} can't be read: that takes root or CAP_DAC_READ_SEARCH", tracing),
                error);
    }
    return ids_from_private_mount(names);
}

Fd open_tracepoint(std::uint64_t id) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof(attributes);
    attributes.config = id;
    attributes.sample_period = 1;
    return Fd(static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
}

} // namespace tcpdwell::live
