// SPDX-License-Identifier: Apache-2.0
#include "base/pending_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace tcpdwell {
namespace {

/// What a signal handler can read of the files that are pending.
struct PendingName {
    volatile sig_atomic_t is_used;
    std::array<char, PATH_MAX> path;
};
std::array<PendingName, 4> g_pending;
pid_t g_owner = 0; // children inherit the names, but not the duty

void on_deadly_signal(int number) {
    remove_pending_files();
    ::signal(number, SIG_DFL);
    ::raise(number); // takes effect when the handler returns
}

void watch_signals() {
    g_owner = ::getpid();
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) continue;
        struct sigaction action {};
        action.sa_handler = on_deadly_signal;
        ::sigaction(number, &action, nullptr);
    }
}

/// -1 if there is no room: then a signal leaves the file behind.
int note_pending(const std::string& path) {
    watch_signals();
    if (path.size() >= PATH_MAX) return -1;
    for (std::size_t i = 0; i < g_pending.size(); ++i) {
        if (g_pending[i].is_used != 0) continue;
        std::memcpy(g_pending[i].path.data(), path.c_str(), path.size() + 1);
        g_pending[i].is_used = 1;
        return static_cast<int>(i);
    }
    return -1;
}

void forget_pending(int& slot) {
    if (slot >= 0) g_pending[static_cast<std::size_t>(slot)].is_used = 0;
    slot = -1;
}

tl::unexpected<Error> cannot_write(const std::string& name) {
    const int error = errno;
    return fail(ErrorCode::failed, fmt::format("cannot write {}: {}", name, std::strerror(error)),
                error);
}

/// File systems without locks are taken as they are.
Result<void> lock(int fd, const std::string& name) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
    return fail(ErrorCode::failed,
                fmt::format("another process is writing {}; give another file", name), errno);
}

bool is_same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

} // namespace

void remove_pending_files() noexcept {
    if (g_owner != ::getpid()) return;
    for (PendingName& each : g_pending)
        if (each.is_used != 0) ::unlink(each.path.data());
}

Result<PendingFile> PendingFile::open_as_it_is(Fd fd, std::string name) {
    if (!fd) return cannot_write(name);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return cannot_write(name);
    if (S_ISREG(status.st_mode))
        if (auto locked = lock(fd.get(), name); !locked) return tl::unexpected(locked.error());
    return PendingFile(std::move(fd), std::move(name));
}

Result<PendingFile> PendingFile::open(const std::string& path, IfExists if_exists) {
    const auto open_stdout = [](std::string name) {
        return open_as_it_is(Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)), std::move(name));
    };
    if (path == "-") return open_stdout("standard output");
    if (path.empty()) return fail(ErrorCode::usage, "the name of a file to write is empty");
    struct stat there {};
    if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
        return open_as_it_is(Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC)), path);
    struct stat out {};
    // /dev/stdout, say. What else is written there goes on in the same file.
    if (::fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(there.st_mode) && is_same_file(there, out))
        return open_stdout(path);
    if (S_ISREG(there.st_mode) && if_exists == IfExists::refuse)
        return fail(ErrorCode::usage, fmt::format("{} exists; --force overwrites it", path),
                    EEXIST);

    // Through a link only as the kernel lets us (/proc/sys/fs/protected_symlinks).
    Fd replaced(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (!replaced && errno != ENOENT) return cannot_write(path);
    if (struct stat link{}; !replaced && ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode))
        return fail(ErrorCode::failed,
                    fmt::format("cannot write {}: it is a symbolic link to what isn't there", path),
                    ENOENT);
    std::string target = path;
    if (replaced) {
        if (auto locked = lock(replaced.get(), path); !locked)
            return tl::unexpected(locked.error());
        struct stat link {};
        if (::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) {
            const std::unique_ptr<char, decltype(&std::free)> real(
                ::realpath(path.c_str(), nullptr), &std::free);
            if (!real) return cannot_write(path);
            target = real.get();
        }
    }
    PendingFile file(Fd(), path);
    if (auto created = file.create_beside(target, std::move(replaced)); !created)
        return tl::unexpected(created.error());
    return file;
}

Result<void> PendingFile::create_beside(const std::string& target, Fd replaced) {
    target_ = target;
    replaced_ = std::move(replaced);
    if (replaced_ && !replaces_what_was_there())
        return fail(ErrorCode::failed,
                    fmt::format("another process is writing {}; give another file", name_));
    std::string beside = target + ".XXXXXX";
    fd_ = Fd(::mkostemp(beside.data(), O_CLOEXEC)); // mode 0600
    if (!fd_) return cannot_write(name_);
    beside_ = std::move(beside);
    slot_ = note_pending(beside_);
    return lock(fd_.get(), name_);
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : fd_(std::move(other.fd_)), name_(std::move(other.name_)), target_(std::move(other.target_)),
      beside_(std::exchange(other.beside_, {})), replaced_(std::move(other.replaced_)),
      publisher_(std::exchange(other.publisher_, nullptr)), slot_(std::exchange(other.slot_, -1)) {}

PendingFile::~PendingFile() { discard(); }

void PendingFile::discard() {
    if (!beside_.empty()) ::unlink(beside_.c_str());
    beside_.clear();
    forget_pending(slot_);
}

bool PendingFile::replaces_what_was_there() const {
    struct stat locked {};
    struct stat there {};
    return ::fstat(replaced_.get(), &locked) == 0 && ::lstat(target_.c_str(), &there) == 0 &&
           is_same_file(locked, there);
}

Result<void> PendingFile::publish() {
    if (beside_.empty()) return {};
    if (publisher_) {
        if (auto published = publisher_(); !published) return published;
        has_been_published();
        return {};
    }
    // Whoever has locked what is there is the only one to replace it; of those who found nothing,
    // the first one wins.
    int outcome = 0;
    if (replaced_ && replaces_what_was_there()) {
        outcome = ::rename(beside_.c_str(), target_.c_str());
    } else {
        outcome =
            ::renameat2(AT_FDCWD, beside_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE);
        if (outcome != 0 && errno == EINVAL) // of a file system that can't do that
            outcome = ::access(target_.c_str(), F_OK) == 0
                          ? (errno = EEXIST, -1)
                          : ::rename(beside_.c_str(), target_.c_str());
    }
    if (outcome != 0 && errno == EEXIST)
        return fail(
            ErrorCode::failed,
            fmt::format("another process has written {} meanwhile; give another file", name_),
            EEXIST);
    if (outcome != 0) return cannot_write(name_);
    has_been_published();
    return {};
}

void PendingFile::has_been_published() {
    beside_.clear();
    forget_pending(slot_);
    replaced_.reset();
}

bool PendingFile::publishing_takes_rights() const {
    if (beside_.empty()) return false;
    struct stat folder {};
    if (::stat(folder_of(target_).c_str(), &folder) != 0) return true;
    constexpr mode_t own = S_IWUSR | S_IXUSR;
    constexpr mode_t others = S_IWOTH | S_IXOTH;
    if (folder.st_uid == ::geteuid()) return (folder.st_mode & own) != own;
    if ((folder.st_mode & others) != others) return true;
    struct stat there {};
    return (folder.st_mode & S_ISVTX) != 0 && ::lstat(target_.c_str(), &there) == 0 &&
           there.st_uid != ::geteuid();
}

} // namespace tcpdwell
