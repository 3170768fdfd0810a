// SPDX-License-Identifier: Apache-2.0
#include "render/loss_text.h"

#include <fmt/format.h>

namespace tcpdwell::render {

std::string loss_text(std::uint64_t lost) {
    return lost == 0 ? "no event lost" : fmt::format("{} EVENTS LOST", lost);
}

} // namespace tcpdwell::render
