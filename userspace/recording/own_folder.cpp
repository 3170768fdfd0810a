// SPDX-License-Identifier: Apache-2.0
#include "recording/own_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace tcpdwell::recording {
namespace {

constexpr mode_t kAllRights = 0700;
constexpr mode_t kWrittenByOthers = S_IWGRP | S_IWOTH;
constexpr std::uint64_t kStatBlock = 512; // of st_blocks, whatever the file system's are
constexpr const char* kLockName = ".tcpdwell.lock";

Error folder_error(std::string_view what, const std::string& path) {
    const int error = errno;
    return {ErrorCode::failed, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)),
            error};
}

Fd open_folder_at(int at, const char* name) {
    return Fd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_ours(const struct stat& status) {
    return status.st_uid == ::geteuid() && (status.st_mode & kAllRights) == kAllRights &&
           (status.st_mode & kWrittenByOthers) == 0;
}

/// With a slash at its end the last name of a path would be followed.
std::string without_slashes(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

tl::unexpected<Error> no_folder(const std::string& path, const FolderWords& words) {
    struct stat status {};
    if ((errno != ENOTDIR && errno != ELOOP) || ::lstat(path.c_str(), &status) != 0)
        return tl::unexpected(folder_error("read", path));
    return fail(
        ErrorCode::usage,
        S_ISLNK(status.st_mode)
            ? fmt::format("{} is a symbolic link, which may lead elsewhere tomorrow; give the "
                          "folder itself",
                          path)
            : fmt::format("{} is a file; {}", path, words.need));
}

} // namespace

Result<OwnFolder> OwnFolder::open(const std::string& given, FolderWords words) {
    const std::string path = without_slashes(given);
    if (::mkdir(path.c_str(), kAllRights) != 0 && errno != EEXIST)
        return tl::unexpected(folder_error("create", path));
    Fd fd = open_folder_at(AT_FDCWD, path.c_str());
    if (!fd) return no_folder(path, words);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return tl::unexpected(folder_error("read", path));
    if ((status.st_mode & kWrittenByOthers) != 0)
        return fail(ErrorCode::failed,
                    fmt::format("others may write in {} and could replace {}; give another "
                                "folder, or 'chmod go-w' this one and look at what is in it",
                                path, words.contents));
    if (!is_ours(status))
        return fail(ErrorCode::failed,
                    fmt::format("{} must belong to the user who {} (uid {}), with the rights "
                                "rwx for them: later "
                                "{} are written after all privileges have been given up",
                                path, words.does, ::geteuid(), words.contents));
    return OwnFolder(std::move(fd), path, words);
}

Result<OwnFolder> OwnFolder::create(const OwnFolder& parent, const std::string& name) {
    std::string path = parent.path_ + "/" + name;
    if (::mkdirat(parent.fd_.get(), name.c_str(), kAllRights) != 0)
        return tl::unexpected(folder_error("create", path));
    Fd fd = open_folder_at(parent.fd_.get(), name.c_str());
    if (!fd) return tl::unexpected(folder_error("read", path));
    return OwnFolder(std::move(fd), std::move(path), parent.words_);
}

std::optional<OwnFolder> OwnFolder::find(const OwnFolder& parent, const std::string& name) {
    Fd fd = open_folder_at(parent.fd_.get(), name.c_str());
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !is_ours(status)) return std::nullopt;
    return OwnFolder(std::move(fd), parent.path_ + "/" + name, parent.words_);
}

Result<std::vector<std::string>> OwnFolder::names() const {
    // Its own description: the place in the listing is a property of that.
    Fd fd = open_folder_at(fd_.get(), ".");
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd ? ::fdopendir(fd.get()) : nullptr,
                                                      &::closedir);
    if (!entries) return tl::unexpected(folder_error("read", path_));
    static_cast<void>(fd.release());
    std::vector<std::string> found;
    errno = 0;
    while (const dirent* entry = ::readdir(entries.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") found.emplace_back(name);
    }
    if (errno != 0) return tl::unexpected(folder_error("read", path_));
    return found;
}

std::optional<OwnFolder::File> OwnFolder::file(const std::string& name) const {
    struct stat status {};
    if (::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode) || status.st_uid != ::geteuid())
        return std::nullopt;
    return File{name, static_cast<std::uint64_t>(status.st_blocks) * kStatBlock,
                WallTime(std::chrono::seconds(status.st_mtim.tv_sec) +
                         std::chrono::nanoseconds(status.st_mtim.tv_nsec)),
                status.st_ino};
}

Fd OwnFolder::open_file(const std::string& name) const {
    if (!file(name)) return Fd();
    return Fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

Fd OwnFolder::create_file(const std::string& name) const {
    return Fd(::openat(fd_.get(), name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

Result<Fd> OwnFolder::lock() const {
    const std::string path = fmt::format("{}/{}", path_, kLockName);
    Fd fd(::openat(fd_.get(), kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                   0600));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return tl::unexpected(
            folder_error("open", path)
                .context(
                    fmt::format("no {} can lock its folder; remove what is there", words_.user)));
    if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid())
        return fail(ErrorCode::failed,
                    fmt::format("{} is no lock of this user's; remove it", path));
    if ((status.st_mode & 077) != 0 && ::fchmod(fd.get(), 0600) != 0)
        return tl::unexpected(folder_error("protect", path));
    // File systems without locks are taken as they are.
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return fail(
            ErrorCode::failed,
            fmt::format("another {} is at work in {}; give another folder", words_.user, path_),
            EWOULDBLOCK);
    return fd;
}

bool OwnFolder::link(const std::string& name, const OwnFolder& other,
                     const std::string& new_name) const {
    return ::linkat(fd_.get(), name.c_str(), other.fd_.get(), new_name.c_str(), 0) == 0;
}

bool OwnFolder::rename(const std::string& name, const OwnFolder& other,
                       const std::string& new_name) const {
    return ::renameat(fd_.get(), name.c_str(), other.fd_.get(), new_name.c_str()) == 0;
}

bool OwnFolder::sync() const { return ::fsync(fd_.get()) == 0; }

bool OwnFolder::remove(const std::string& name) const {
    return ::unlinkat(fd_.get(), name.c_str(), 0) == 0;
}

bool OwnFolder::remove_folder(const std::string& name) const {
    return ::unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR) == 0;
}

} // namespace tcpdwell::recording
