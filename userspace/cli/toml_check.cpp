// SPDX-License-Identifier: Apache-2.0
#include "cli/toml_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace tcpdwell::cli {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

/// Reads line by line, and remembers a list that goes on.
class TomlCheck {
public:
    std::string read(std::string_view text) {
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            ++line_;
            if (std::string fault = read_line(text.substr(begin, end - begin)); !fault.empty())
                return fault;
            begin = end + 1;
        }
        if (open_lists_ == 0) return {};
        return fmt::format("line {}: the list has no end: a ] is missing", list_line_);
    }

private:
    std::string read_line(std::string_view line) {
        // Of a section's name, and of what has no value, nothing is to be checked.
        const std::size_t equals = line.find('=');
        if (open_lists_ == 0 && equals == std::string_view::npos) return {};
        if (open_lists_ == 0) line.remove_prefix(equals + 1);
        bool begins_value = true;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const char c = line[i];
            if (c == '#') return {};
            if (begins_value && (c == '"' || c == '\'')) {
                i = line.find(c, i + 1);
                if (i == std::string_view::npos)
                    return fmt::format("line {}: the text has no end: a {} is missing", line_, c);
            } else if (begins_value && c == '[') {
                if (open_lists_++ == 0) list_line_ = line_;
            } else if (c == ']' && open_lists_ > 0) {
                --open_lists_;
            }
            begins_value = c == '[' || c == ',' || (begins_value && is_space(c));
        }
        return {};
    }

    std::size_t line_ = 0;
    std::size_t open_lists_ = 0;
    std::size_t list_line_ = 0; ///< where the outermost began
};

} // namespace

std::string cut_off_in_toml(std::string_view text) { return TomlCheck().read(text); }

} // namespace tcpdwell::cli
