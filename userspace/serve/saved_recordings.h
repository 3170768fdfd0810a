// SPDX-License-Identifier: Apache-2.0
// What a flight recorder's triggers have saved, for clients to fetch. A request names a folder and
// a file; both are looked up in a listing, and no path is made of what it says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "recording/own_folder.h"

namespace tcpdwell::serve {

class SavedRecordings {
public:
    struct File {
        std::string folder;
        std::string name;
        std::uint64_t bytes;
    };

    /// `parent`: the recorder's.
    explicit SavedRecordings(recording::OwnFolder parent) : parent_(std::move(parent)) {}

    /// In the order of their names, and so of time.
    [[nodiscard]] std::vector<File> list() const;
    /// An open file and its size; nullopt: there is none.
    [[nodiscard]] std::optional<std::pair<Fd, std::uint64_t>> open(std::string_view folder,
                                                                   std::string_view name) const;

private:
    recording::OwnFolder parent_;
};

} // namespace tcpdwell::serve
