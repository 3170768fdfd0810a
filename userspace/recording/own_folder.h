// SPDX-License-Identifier: Apache-2.0
// A directory that nobody else can change, opened once: whatever its path leads to later, files are
// looked at, linked and removed in the directory that was checked.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace tcpdwell::recording {

/// How messages call what is in it, and who uses it.
struct FolderWords {
    const char* contents = "segments";
    const char* need = "segments that roll (--keep, --max-size) need a folder";
    const char* user = "recorder";
    const char* does = "records"; ///< the user who ...
};

class OwnFolder {
public:
    /// A regular file that belongs to this user.
    struct File {
        std::string name;
        std::uint64_t bytes; ///< that it occupies: a sparse file can be of any length
        WallTime modified;
        ino_t inode;
    };

    /// Creates it if it isn't there. An error if it is a link, if it isn't this user's with all
    /// rights, or if others may write in it.
    static Result<OwnFolder> open(const std::string& path, FolderWords words = {});
    /// A folder of this name in another one, which must not be there already.
    static Result<OwnFolder> create(const OwnFolder& parent, const std::string& name);
    /// A folder that is there; nullopt if it is none of ours.
    static std::optional<OwnFolder> find(const OwnFolder& parent, const std::string& name);

    /// What is in it, of whatever kind.
    [[nodiscard]] Result<std::vector<std::string>> names() const;
    /// nullopt if there is no such file, or it isn't regular, or not ours.
    [[nodiscard]] std::optional<File> file(const std::string& name) const;
    /// For reading; none if file() has nothing of this name.
    [[nodiscard]] Fd open_file(const std::string& name) const;
    /// Creates it with mode 0600; errno is EEXIST if something of this name is there.
    [[nodiscard]] Fd create_file(const std::string& name) const;
    /// The lock that keeps others out for as long as the descriptor is open. It is a file that only
    /// this user can open: whoever may read the folder could lock the folder itself.
    [[nodiscard]] Result<Fd> lock() const;
    /// Gives a file another name, in `other`; false with errno.
    [[nodiscard]] bool link(const std::string& name, const OwnFolder& other) const {
        return link(name, other, name);
    }
    /// A second name; errno is EEXIST if something is called so.
    [[nodiscard]] bool link(const std::string& name, const OwnFolder& other,
                            const std::string& new_name) const;
    /// Gives a file another name, here or in `other`, whatever has that name; false with errno.
    [[nodiscard]] bool rename(const std::string& name, const OwnFolder& other,
                              const std::string& new_name) const;
    /// Names that have been given and taken are on disk when this returns; false with errno.
    [[nodiscard]] bool sync() const;
    /// Whether it was there, and is gone now. Never removes a folder.
    bool remove(const std::string& name) const; // NOLINT(modernize-use-nodiscard)
    /// False if it isn't empty.
    [[nodiscard]] bool remove_folder(const std::string& name) const;

    [[nodiscard]] const std::string& path() const { return path_; } ///< for messages

private:
    OwnFolder(Fd fd, std::string path, FolderWords words)
        : fd_(std::move(fd)), path_(std::move(path)), words_(words) {}

    Fd fd_;
    std::string path_;
    FolderWords words_;
};

} // namespace tcpdwell::recording
