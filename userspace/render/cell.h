// SPDX-License-Identifier: Apache-2.0
// A cell as people read it, with its colours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "report/column.h"

namespace tcpdwell::render {

inline constexpr std::string_view kBold = "1"; ///< SGR parameter

/// Whether a cell may have blanks. Words suit awk(1): as many fields as there are columns; blanks
/// in names are written \x20.
enum class Blanks : std::uint8_t { allowed, none };

/// Collects text and counts its visible characters, since colours take no space in a column.
class CellText {
public:
    explicit CellText(bool colour, Blanks blanks = Blanks::allowed)
        : colour_(colour), blanks_(blanks) {}

    void clear();
    /// `ending` columns are coloured by their text, states in every column.
    void append(const report::Column& column, const report::Value& value);
    /// Text in a colour: an SGR sequence such as "31", or "" for none. The text is made safe for a
    /// terminal.
    void append(std::string_view text, std::string_view sgr = {});

    /// At most `width` characters (1 or more) stay; `mark`, a character, stands for what doesn't.
    void cut(std::size_t width, report::Keep keep, std::string_view mark);

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

    /// Between the parts of a cell.
    [[nodiscard]] std::string_view separator() const { return blanks_ == Blanks::none ? "," : " "; }

    bool colour_;
    Blanks blanks_;
    std::string text_;
    std::size_t width_ = 0;
};

} // namespace tcpdwell::render
