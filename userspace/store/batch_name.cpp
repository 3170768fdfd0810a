// SPDX-License-Identifier: Apache-2.0
#include "store/batch_name.h"

#include <fmt/format.h>

#include <charconv>

#include "base/time.h"
#include "store/server_url.h"

namespace tcpdwell::store {
namespace {

constexpr std::string_view kBatchSuffix = ".json.gz";
constexpr std::size_t kSequenceDigits = 23;
constexpr std::size_t kSpoolDigits = 16;
constexpr std::size_t kMostRowDigits = 10;

/// All of `text`, in digits of this base; nullopt for anything else.
std::optional<std::uint64_t> whole_number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

} // namespace

std::optional<BatchName> BatchName::parse(std::string_view text) {
    constexpr std::size_t kTableAt = kSequenceDigits + kSpoolDigits + 2;
    const std::string given(text);
    if (!text.ends_with(kBatchSuffix)) return std::nullopt;
    text.remove_suffix(kBatchSuffix.size());
    if (text.size() <= kTableAt) return std::nullopt;
    const std::size_t rows_at = text.rfind('-') + 1;
    if (rows_at <= kTableAt || text.size() - rows_at > kMostRowDigits) return std::nullopt;
    const auto sequence = whole_number(text.substr(0, kSequenceDigits), 10);
    const auto spool = whole_number(text.substr(kSequenceDigits + 1, kSpoolDigits), 16);
    const auto rows = whole_number(text.substr(rows_at), 10);
    if (!sequence || !spool || !rows || *rows == 0 ||
        *sequence > static_cast<std::uint64_t>(kLatest.count()))
        return std::nullopt;
    BatchName name{*sequence, *spool, std::string(text.substr(kTableAt, rows_at - 1 - kTableAt)),
                   *rows};
    if (!is_sql_identifier(name.table) || name.text() != given) return std::nullopt;
    return name;
}

std::string BatchName::id() const {
    return fmt::format("{:0{}}-{:0{}x}-{}-{}", sequence, kSequenceDigits, spool, kSpoolDigits,
                       table, rows);
}

std::string BatchName::text() const { return id().append(kBatchSuffix); }

} // namespace tcpdwell::store
