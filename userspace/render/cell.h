// SPDX-License-Identifier: Apache-2.0
// A cell as people read it, with its colours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "report/column.h"

namespace tcpdwell::render {

inline constexpr std::string_view kBold = "1"; ///< SGR parameter

/// Collects text and counts its visible characters, since colours take no space in a column.
class CellText {
public:
    explicit CellText(bool colour) : colour_(colour) {}

    void clear();
    /// `ending` columns are coloured by their text, states in every column.
    void append(const report::Column& column, const report::Value& value);
    /// Text in a colour: an SGR sequence such as "31", or "" for none. The text is made safe for a
    /// terminal.
    void append(std::string_view text, std::string_view sgr = {});

    [[nodiscard]] std::string_view text() const { return text_; }
    [[nodiscard]] std::size_t width() const { return width_; } ///< characters

private:
    void write(std::monostate);
    void write(std::int64_t number);
    void write(std::string_view text);
    void write(WallTime time);
    void write(Nanoseconds duration);
    void write(const report::HexId& id);
    void write(const report::EndpointValue& value);
    void write(const report::ProcessValue& process);
    void write(tcp::State state);
    void write(std::span<const report::StateSpan> states);
    void write(const report::TimeWaitValue& value);
    void write(double number);
    void write(bool value);
    void write(std::span<const report::ObjectPart> parts);
    void write(const report::HolderList& holders);
    void write(std::span<const report::NumberPart> parts);
    void write(std::span<const report::TextPart> parts);

    bool colour_;
    std::string text_;
    std::size_t width_ = 0;
};

} // namespace tcpdwell::render
