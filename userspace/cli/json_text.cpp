// SPDX-License-Identifier: Apache-2.0
// RapidJSON knows how to escape.
#include "cli/json_text.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "render/text.h"

namespace tcpdwell {

std::string json_string(std::string_view bytes) {
    std::string scratch;
    const std::string_view text = valid_utf8(bytes, scratch);
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return {buffer.GetString(), buffer.GetSize()};
}

} // namespace tcpdwell
