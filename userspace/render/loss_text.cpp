// SPDX-License-Identifier: Apache-2.0
#include "render/loss_text.h"

#include <fmt/format.h>

namespace tcpdwell::render {

std::string loss_text(std::uint64_t lost, std::uint64_t holes) {
    if (lost + holes == 0) return "no event lost";
    std::string text = lost == 0 ? "" : fmt::format("{} EVENTS LOST", lost);
    if (holes != 0)
        text += fmt::format("{}{} {} IN THE RECORDING", lost == 0 ? "" : "; ", holes,
                            holes == 1 ? "HOLE" : "HOLES");
    return text;
}

} // namespace tcpdwell::render
