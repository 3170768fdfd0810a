// SPDX-License-Identifier: Apache-2.0
// Records that can be published: what they contain on connections stays true, but not who and
// where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "recording/address_cipher.h"
#include "recording/head.h"

namespace tcpdwell::recording {

/// Replaced, by a key that is forgotten with this: addresses (AddressCipher), kernel addresses, the
/// names of host, boot and processes. Taken away: names of threads, users, inodes, paths of
/// cgroups, facts whose meaning isn't known, and all bytes that this version doesn't know. Kept:
/// times, ports, states, cookies, numbers of processes, cgroups and namespaces, sysctls, the
/// kernel's release.
class Anonymizer {
public:
    /// With a fresh key. ErrorCode::failed if the system has no random numbers.
    static Result<std::unique_ptr<Anonymizer>> create();
    /// With a given one, for tests.
    explicit Anonymizer(const AddressCipher::Key& key);

    [[nodiscard]] Head anonymous(Head head) const;
    /// The record that may be given away; nullopt: none of it.
    std::optional<std::vector<std::byte>> anonymous(std::span<const std::byte> record);

    /// Records of kinds that aren't known, by kind, and of those that are too short for what they
    /// claim to be.
    [[nodiscard]] const std::map<unsigned, std::uint64_t>& not_understood() const {
        return not_understood_;
    }

private:
    AddressCipher cipher_;
    std::string host_;
    std::string boot_id_;
    std::map<unsigned, std::uint64_t> not_understood_;
};

} // namespace tcpdwell::recording
