// SPDX-License-Identifier: Apache-2.0
#include "screen/view_state.h"

#include <algorithm>

namespace tcpdwell::screen {
namespace {

constexpr std::size_t kLongestFilter = 200;
constexpr int kSeekSeconds = 10;

using Code = Key::Code;
using What = KeyRequest::What;

/// One character back, whatever its length in UTF-8.
void remove_last_character(std::string& text) {
    while (!text.empty()) {
        const bool begins = (static_cast<unsigned char>(text.back()) & 0xc0) != 0x80;
        text.pop_back();
        if (begins) break;
    }
}

void go_to_first(ViewState& view) {
    view.selected = view.first_row = view.first_line = 0;
    view.selected_key.reset();
    view.follows = false;
}

void show_table(ViewState& view, TableKind table) {
    view.table = table;
    view.page = ViewState::Page::table;
    go_to_first(view);
}

void show_next_table(ViewState& view, std::size_t by) {
    show_table(view, static_cast<TableKind>((static_cast<std::size_t>(view.table) + by) % kTables));
}

void show_page(ViewState& view, ViewState::Page page) {
    view.page = view.page == page ? ViewState::Page::table : page;
    view.first_line = 0;
}

void sort_by_next(ViewState& view, std::size_t by, std::size_t columns) {
    SortChoice& sort = view.sort();
    sort.column = (sort.column + by) % columns;
    sort.ascending = ScreenTable::columns(view.table)[sort.column].align == report::Align::left;
    go_to_first(view);
}

/// By how many rows or lines a key moves; nullopt: it doesn't.
std::optional<std::ptrdiff_t> step_of(const Key& key, std::size_t shown, std::size_t all) {
    const auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(shown, 1));
    const auto whole = static_cast<std::ptrdiff_t>(all);
    switch (key.code) {
    case Code::up: return -1;
    case Code::down: return 1;
    case Code::page_up: return -page;
    case Code::page_down: return page;
    case Code::home: return -whole;
    case Code::end: return whole;
    case Code::character: break;
    default: return std::nullopt;
    }
    if (key.text == "k") return -1;
    if (key.text == "j") return 1;
    return std::nullopt;
}

std::size_t moved(std::size_t from, std::ptrdiff_t by, std::size_t last) {
    const auto to = static_cast<std::ptrdiff_t>(from) + by;
    return static_cast<std::size_t>(
        std::clamp<std::ptrdiff_t>(to, 0, static_cast<std::ptrdiff_t>(last)));
}

/// Whether the key moves in what is shown.
bool move(ViewState& view, const Key& key, const ViewExtent& extent) {
    if (view.page == ViewState::Page::table) {
        const auto step = step_of(key, extent.rows_shown, extent.rows);
        if (!step) return false;
        view.selected =
            moved(view.selected, *step, extent.rows - std::min<std::size_t>(1, extent.rows));
        view.selected_key.reset();
        view.follows = view.selected != 0; // who stays at the top sees what comes first
        return true;
    }
    const auto step = step_of(key, extent.lines_shown, extent.lines);
    if (!step) return false;
    view.first_line =
        moved(view.first_line, *step, extent.lines - std::min(extent.lines_shown, extent.lines));
    return true;
}

KeyRequest type(ViewState& view, const Key& key, const ViewExtent& extent) {
    switch (key.code) {
    case Code::character:
        if (view.filter.size() + key.text.size() <= kLongestFilter) view.filter += key.text;
        go_to_first(view);
        break;
    case Code::backspace:
        remove_last_character(view.filter);
        go_to_first(view);
        break;
    case Code::escape:
        view.filter.clear();
        view.is_typing = false;
        go_to_first(view);
        break;
    case Code::enter: view.is_typing = false; break;
    default: move(view, key, extent);
    }
    return {};
}

void go_back(ViewState& view) {
    if (view.page != ViewState::Page::table) {
        view.page = ViewState::Page::table;
        view.first_line = 0;
    } else if (!view.filter.empty()) {
        view.filter.clear();
        go_to_first(view);
    }
}

KeyRequest press_letter(ViewState& view, char letter, const ViewExtent& extent) {
    if (letter >= '1' && letter < '1' + static_cast<int>(kTables))
        show_table(view, static_cast<TableKind>(letter - '1'));
    switch (letter) {
    case 'q':
    case 'Q': return {What::quit};
    case ' ': view.is_frozen = !view.is_frozen; break;
    case '/':
        view.page = ViewState::Page::table;
        view.is_typing = true;
        break;
    case '?':
    case 'h': show_page(view, ViewState::Page::help); break;
    case 'f': show_page(view, ViewState::Page::findings); break;
    case '>':
    case 's': sort_by_next(view, 1, extent.columns); break;
    case '<': sort_by_next(view, extent.columns - 1, extent.columns); break;
    case 'r':
        view.sort().ascending = !view.sort().ascending;
        go_to_first(view);
        break;
    case 'z': return {What::restart};
    case '+':
    case '=': return {What::faster, 1};
    case '-': return {What::faster, -1};
    default: break;
    }
    return {};
}

} // namespace

ViewState::ViewState() {
    for (std::size_t i = 0; i < kTables; ++i)
        sorts[i] = ScreenTable::first_choice(static_cast<TableKind>(i));
}

KeyRequest press(ViewState& view, const Key& key, const ViewExtent& extent) {
    switch (key.code) { // whatever is shown
    case Code::interrupt:
    case Code::closed: return {What::quit};
    case Code::redraw: return {What::redraw};
    case Code::resized: return {};
    default: break;
    }
    if (view.is_typing) return type(view, key, extent);
    if (move(view, key, extent)) return {};
    switch (key.code) {
    case Code::left: return {What::seek, -kSeekSeconds};
    case Code::right: return {What::seek, kSeekSeconds};
    case Code::tab: show_next_table(view, 1); break;
    case Code::back_tab: show_next_table(view, kTables - 1); break;
    case Code::help: show_page(view, ViewState::Page::help); break;
    case Code::escape:
    case Code::backspace: go_back(view); break;
    case Code::enter:
        if (view.page == ViewState::Page::table && view.selected_key) {
            view.opened = *view.selected_key;
            show_page(view, ViewState::Page::row);
        }
        break;
    case Code::character:
        if (key.text.size() == 1) return press_letter(view, key.text[0], extent);
        break;
    default: break;
    }
    return {};
}

} // namespace tcpdwell::screen
