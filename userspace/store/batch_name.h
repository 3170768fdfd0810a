// SPDX-License-Identifier: Apache-2.0
// Names of the files that a spool consists of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tcpdwell::store {

/// "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz": time of its making, made unique
/// and growing; a random number of the spool, so that no other host has this name; table; rows.
struct BatchName {
    std::uint64_t sequence = 0;
    std::uint64_t spool = 0;
    std::string table;
    std::uint64_t rows = 0;

    /// Nothing but what text() writes.
    static std::optional<BatchName> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    /// Without what the file's name adds: by this the server knows a batch that comes again.
    [[nodiscard]] std::string id() const;
};

} // namespace tcpdwell::store
