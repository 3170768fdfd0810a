// SPDX-License-Identifier: Apache-2.0
// What the user has chosen to see, and what keys change of it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "screen/table.h"

namespace tcpdwell::screen {

/// A key, as the terminal hands it over.
struct Key {
    enum class Code : std::uint8_t {
        character, ///< `text`
        up,
        down,
        left,
        right,
        page_up,
        page_down,
        home,
        end,
        enter,
        escape,
        tab,
        back_tab,
        backspace,
        help,      ///< F1
        interrupt, ///< Ctrl-C
        redraw,    ///< Ctrl-L
        resized,   ///< no key: the terminal has another size
        closed,    ///< no key: nobody is there any more
    };
    Code code = Code::character;
    std::string text; ///< one character in UTF-8
};

/// What a key asks of others than the view.
struct KeyRequest {
    enum class What : std::uint8_t {
        nothing,
        quit,
        redraw,  ///< the terminal may show something else than what was drawn
        restart, ///< counts begin anew
        seek,    ///< by `amount` seconds of the recording
        faster,  ///< twice as fast, or half as fast if `amount` is negative
    };
    What what = What::nothing;
    int amount = 0;
};

/// What there is to move in, as of the last layout.
struct ViewExtent {
    std::size_t rows = 0;       ///< of the table, after the filter
    std::size_t rows_shown = 1; ///< at one time
    std::size_t lines = 0;      ///< of a page of text
    std::size_t lines_shown = 1;
    std::size_t columns = 1; ///< of the table
};

struct ViewState {
    enum class Page : std::uint8_t { table, row, findings, help };

    TableKind table = TableKind::services;
    Page page = Page::table;
    std::array<SortChoice, kTables> sorts;
    std::string filter;
    bool is_typing = false; ///< keys go to the filter
    bool is_frozen = false;
    std::size_t selected = 0;           ///< place in the order of rows
    std::optional<RowKey> selected_key; ///< of the row there; nullopt: none, or not known yet
    bool follows = false;       ///< the selected row stays so wherever it goes, else the place does
    std::size_t first_row = 0;  ///< that is shown
    std::size_t first_line = 0; ///< of a page of text
    RowKey opened;              ///< the row of Page::row

    ViewState();

    [[nodiscard]] SortChoice& sort() { return sorts[static_cast<std::size_t>(table)]; }
    [[nodiscard]] const SortChoice& sort() const { return sorts[static_cast<std::size_t>(table)]; }
};

/// Changes the view as the key says; returns what it can't do itself. What is selected then, the
/// next layout finds out.
KeyRequest press(ViewState& view, const Key& key, const ViewExtent& extent);

} // namespace tcpdwell::screen
