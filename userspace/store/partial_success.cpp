// SPDX-License-Identifier: Apache-2.0
#include "store/partial_success.h"

#include <rapidjson/document.h>

#include <charconv>

#include "base/text.h"

namespace tcpdwell::store {
namespace {

constexpr std::size_t kLongestReason = 2000; ///< bytes

/// nullptr: `value` isn't an object, or hasn't one of that name.
const rapidjson::Value* member_of(const rapidjson::Value& value, const char* name) {
    return value.IsObject() && value.HasMember(name) ? &value[name] : nullptr;
}

} // namespace

PartialSuccess partial_success(std::string_view answer) {
    rapidjson::Document document;
    // Without recursion: it may be nested as deeply as it is long.
    document.Parse<rapidjson::kParseIterativeFlag>(answer.data(), answer.size());
    if (document.HasParseError()) return {};
    const rapidjson::Value* partial = member_of(document, "partialSuccess");
    if (partial == nullptr) return {};
    PartialSuccess found;
    // JSON of protobuf leaves out what is 0, and has an int64 as a string.
    const rapidjson::Value* records = member_of(*partial, "rejectedLogRecords");
    if (records != nullptr && records->IsUint64()) found.rejected_records = records->GetUint64();
    if (records != nullptr && records->IsString()) {
        const char* end = records->GetString() + records->GetStringLength();
        const auto [parsed, error] =
            std::from_chars(records->GetString(), end, found.rejected_records);
        if (error != std::errc() || parsed != end) return {};
    }
    const rapidjson::Value* words = member_of(*partial, "errorMessage");
    if (words != nullptr && words->IsString())
        found.words = printable(std::string_view(words->GetString(), words->GetStringLength())
                                    .substr(0, kLongestReason));
    return found;
}

} // namespace tcpdwell::store
