// SPDX-License-Identifier: Apache-2.0
// A file that is written under another name and then takes its place, so that it is ours (owner,
// mode 0600) whatever was there, and what was there stays until then.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace tcpdwell {

/// What to do with a file that is there already.
enum class IfExists { refuse, replace };

class PendingFile {
public:
    /// Creates a file beside `path`. A pipe or a device is opened as it is, and so is stdout, "-"
    /// or by another name. Any other existing file is ErrorCode::usage, which names --force, or
    /// must be one that may be written. Writers exclude each other by flock(2): an error if another
    /// one is at work on `path`.
    static Result<PendingFile> open(const std::string& path, IfExists if_exists);
    PendingFile(PendingFile&& other) noexcept;
    PendingFile& operator=(PendingFile&&) = delete;
    ~PendingFile(); ///< removes what hasn't been published

    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Hands it over; publish() is possible afterwards too. It holds the lock.
    [[nodiscard]] Fd take_fd() { return std::move(fd_); }
    [[nodiscard]] const std::string& name() const { return name_; } ///< for messages

    /// Takes the place of what is at `path`, or does nothing if it has done so. An error if another
    /// writer was quicker.
    Result<void> publish();
    /// From now on publish() asks `other`, a process that has a copy of this and its rights.
    void publish_through(std::function<Result<void>()> other) { publisher_ = std::move(other); }
    /// Removes it, unless it has been published.
    void discard();
    /// Whether publish() is refused to this user without capabilities.
    [[nodiscard]] bool publishing_takes_rights() const;

private:
    PendingFile(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
    static Result<PendingFile> open_as_it_is(Fd fd, std::string name);
    Result<void> create_beside(const std::string& target, Fd replaced);
    [[nodiscard]] bool replaces_what_was_there() const;
    void has_been_published();

    Fd fd_;
    std::string name_;
    std::string target_;                      ///< `path`, or what it is a link to
    std::string beside_;                      ///< "": published, or open as it is
    Fd replaced_;                             ///< what is at `target_`, locked; none: nothing
    std::function<Result<void>()> publisher_; ///< none: we are
    int slot_ = -1;                           ///< for remove_pending_files()
};

/// Removes the files that haven't been published. May be called by a signal handler, and is by the
/// one that PendingFile::open() sets up for SIGINT, SIGTERM and SIGHUP where they would just end
/// the process.
void remove_pending_files() noexcept;

} // namespace tcpdwell
