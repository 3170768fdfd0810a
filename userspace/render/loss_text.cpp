// SPDX-License-Identifier: Apache-2.0
#include "render/loss_text.h"

#include <fmt/format.h>

#include <string_view>

namespace tcpdwell::render {

std::string loss_text(std::uint64_t lost, std::uint64_t holes, std::uint64_t unseen) {
    std::string text;
    const auto add = [&text](std::string_view part) {
        text.append(text.empty() ? "" : "; ").append(part);
    };
    if (lost != 0) add(fmt::format("{} EVENT{} LOST", lost, lost == 1 ? "" : "S"));
    if (holes != 0) add(fmt::format("{} HOLE{} IN THE RECORDING", holes, holes == 1 ? "" : "S"));
    if (unseen != 0)
        add(fmt::format("AT LEAST {} EVENT{} NOT SEEN", unseen, unseen == 1 ? "" : "S"));
    return text.empty() ? "no event lost" : text;
}

} // namespace tcpdwell::render
