// SPDX-License-Identifier: Apache-2.0
#include "serve/http.h"

#include <algorithm>
#include <charconv>

namespace tcpdwell::serve {
namespace {

constexpr std::string_view kBlank = " \t";

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(kBlank), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

/// Up to `separator`, which is taken away too.
std::string_view take(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view part = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return part;
}

bool equals_ignoring_case(std::string_view text, std::string_view small) {
    return std::ranges::equal(text, small, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

/// 0 if it is no weight.
double weight_of(std::string_view parameters) {
    while (!parameters.empty()) {
        std::string_view parameter = take(parameters, ';');
        if (!equals_ignoring_case(take(parameter, '='), "q")) continue;
        const std::string_view text = trimmed(parameter);
        double weight = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
        const bool is_valid = error == std::errc() && end == text.data() + text.size();
        return is_valid && weight >= 0 && weight <= 1 ? weight : 0;
    }
    return 1;
}

} // namespace

bool prefers_openmetrics(std::string_view accept) {
    double openmetrics = 0;
    double text = 0;
    while (!accept.empty()) {
        std::string_view item = take(accept, ',');
        const std::string_view type = take(item, ';');
        const double weight = weight_of(item);
        if (equals_ignoring_case(type, "application/openmetrics-text"))
            openmetrics = std::max(openmetrics, weight);
        else if (equals_ignoring_case(type, "text/plain"))
            text = std::max(text, weight);
    }
    return openmetrics > 0 && openmetrics >= text;
}

} // namespace tcpdwell::serve
