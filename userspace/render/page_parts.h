// SPDX-License-Identifier: Apache-2.0
// The files of render/page/, as the build compiles them in (embed_files.cmake writes the source of
// this).
#pragma once

#include <span>
#include <string_view>

namespace tcpdwell::render {

struct PagePart {
    std::string_view file;   ///< "report.css"
    std::string_view sha256; ///< of the text, in base64
    std::string_view text;
};

/// All of them, by name.
std::span<const PagePart> page_parts();

} // namespace tcpdwell::render
