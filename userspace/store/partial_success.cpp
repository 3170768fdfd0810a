// SPDX-License-Identifier: Apache-2.0
#include "store/partial_success.h"

#include <rapidjson/document.h>

#include <charconv>

#include "base/text.h"

namespace tcpdwell::store {
namespace {

constexpr std::size_t kLongestReason = 2000; ///< bytes

} // namespace

PartialSuccess partial_success(std::string_view answer) {
    rapidjson::Document document;
    // Without recursion: it may be nested as deeply as it is long.
    document.Parse<rapidjson::kParseIterativeFlag>(answer.data(), answer.size());
    if (document.HasParseError() || !document.IsObject()) return {};
    const auto partial = document.FindMember("partialSuccess");
    if (partial == document.MemberEnd() || !partial->value.IsObject()) return {};
    PartialSuccess found;
    const auto records = partial->value.FindMember("rejectedLogRecords");
    if (records == partial->value.MemberEnd()) return {};
    if (records->value.IsUint64()) found.rejected_records = records->value.GetUint64();
    if (records->value.IsString()) { // an int64 is a string in JSON of protobuf
        const char* begin = records->value.GetString();
        const char* end = begin + records->value.GetStringLength();
        const auto [parsed, error] = std::from_chars(begin, end, found.rejected_records);
        if (error != std::errc() || parsed != end) return {};
    }
    const auto words = partial->value.FindMember("errorMessage");
    if (words != partial->value.MemberEnd() && words->value.IsString())
        found.words =
            printable(std::string_view(words->value.GetString(), words->value.GetStringLength())
                          .substr(0, kLongestReason));
    return found;
}

} // namespace tcpdwell::store
