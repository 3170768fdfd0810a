// SPDX-License-Identifier: Apache-2.0
#include "screen/curses_terminal.h"

// clang-format off
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>
// clang-format on
#include <fmt/format.h>
#include <langinfo.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <cwchar>

#include "base/text.h"

namespace tcpdwell::screen {
namespace {

/// How long after an ESC the rest of a key's sequence may come.
constexpr int kEscapeDelayMs = 25;
constexpr wint_t kCtrlC = 3;
constexpr wint_t kCtrlL = 12;
constexpr wint_t kEscape = 27;

tl::unexpected<Error> no_screen(const std::string& why) {
    return fail(ErrorCode::usage,
                why + "; 'tcpdwell report -i 10s' prints the same without a full screen");
}

struct ToneLook {
    Tone tone;
    short colour; ///< -1: that of the terminal
    attr_t with_colour;
    attr_t without;
};
constexpr ToneLook kLooks[] = {
    {Tone::plain, -1, A_NORMAL, A_NORMAL},
    {Tone::title, -1, A_BOLD, A_BOLD},
    {Tone::heading, -1, A_REVERSE, A_REVERSE},
    {Tone::sorted, -1, A_REVERSE | A_BOLD, A_BOLD},
    {Tone::dim, -1, A_DIM, A_DIM},
    {Tone::good, COLOR_GREEN, A_NORMAL, A_NORMAL},
    {Tone::info, COLOR_CYAN, A_NORMAL, A_NORMAL},
    {Tone::warning, COLOR_YELLOW, A_BOLD, A_BOLD},
    {Tone::critical, COLOR_RED, A_BOLD, A_BOLD | A_UNDERLINE},
    {Tone::selected, COLOR_CYAN, A_REVERSE, A_REVERSE},
};

std::optional<Key::Code> code_of(wint_t key) {
    switch (key) {
    case KEY_UP: return Key::Code::up;
    case KEY_DOWN: return Key::Code::down;
    case KEY_LEFT: return Key::Code::left;
    case KEY_RIGHT: return Key::Code::right;
    case KEY_PPAGE: return Key::Code::page_up;
    case KEY_NPAGE: return Key::Code::page_down;
    case KEY_HOME: return Key::Code::home;
    case KEY_END: return Key::Code::end;
    case KEY_ENTER: return Key::Code::enter;
    case KEY_BTAB: return Key::Code::back_tab;
    case KEY_BACKSPACE: return Key::Code::backspace;
    case KEY_F(1): return Key::Code::help;
    case KEY_RESIZE: return Key::Code::resized;
    default: return std::nullopt;
    }
}

/// nullopt: a control character that means nothing here.
std::optional<Key> key_of_character(wint_t character) {
    switch (character) {
    case kCtrlC: return Key{Key::Code::interrupt, {}};
    case kCtrlL: return Key{Key::Code::redraw, {}};
    case kEscape: return Key{Key::Code::escape, {}};
    case '\t': return Key{Key::Code::tab, {}};
    case '\r':
    case '\n': return Key{Key::Code::enter, {}};
    case 8:
    case 127: return Key{Key::Code::backspace, {}};
    default: break;
    }
    std::array<char, 16> bytes{};
    std::mbstate_t state{};
    const std::size_t size = std::wcrtomb(bytes.data(), static_cast<wchar_t>(character), &state);
    if (size > bytes.size()) return std::nullopt;
    std::string text(bytes.data(), size);
    if (printable(text) != text) return std::nullopt;
    return Key{Key::Code::character, std::move(text)};
}

class CursesTerminal final : public Terminal {
public:
    CursesTerminal(SCREEN* screen, bool colour)
        : screen_(screen), is_unicode_(std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0) {
        ::set_escdelay(kEscapeDelayMs);
        // Ctrl-C and Ctrl-S are keys: a terminal that is held would hold up the tracing.
        ::raw();
        ::noecho();
        ::nonl();
        ::keypad(::stdscr, true);
        ::nodelay(::stdscr, true);
        ::curs_set(0);
        has_colour_ =
            colour && ::has_colors() && ::start_color() == OK && ::use_default_colors() == OK;
        for (const ToneLook& look : kLooks)
            if (has_colour_ && look.colour >= 0) ::init_pair(pair_of(look), look.colour, -1);
    }
    ~CursesTerminal() override {
        ::endwin();
        ::delscreen(screen_);
    }
    CursesTerminal(const CursesTerminal&) = delete;
    CursesTerminal& operator=(const CursesTerminal&) = delete;

    [[nodiscard]] ScreenSize size() const override {
        return {static_cast<std::size_t>(std::max(::getmaxx(::stdscr), 1)),
                static_cast<std::size_t>(std::max(::getmaxy(::stdscr), 1))};
    }
    [[nodiscard]] bool is_unicode() const override { return is_unicode_; }

    std::optional<Key> next_key() override {
        // Input that can't be read although it is there: the terminal is gone.
        for (int tries = 0; tries < 3; ++tries) {
            wint_t key = 0;
            const int kind = ::wget_wch(::stdscr, &key);
            if (kind == KEY_CODE_YES) {
                if (const auto code = code_of(key)) return Key{*code, {}};
                tries = 0;
            } else if (kind == OK) {
                if (auto known = key_of_character(key)) return known;
                tries = 0;
            } else if (!has_input()) {
                return std::nullopt;
            }
        }
        return Key{Key::Code::closed, {}};
    }

    void draw(const std::vector<ScreenLine>& lines) override {
        ::werase(::stdscr);
        for (std::size_t y = 0; y < lines.size(); ++y) {
            if (::wmove(::stdscr, static_cast<int>(y), 0) != OK) break;
            for (const Piece& piece : lines[y]) {
                const ToneLook& look = kLooks[static_cast<std::size_t>(piece.tone)];
                const bool coloured = has_colour_ && look.colour >= 0;
                ::wattr_set(::stdscr, has_colour_ ? look.with_colour : look.without,
                            coloured ? pair_of(look) : short{0}, nullptr);
                ::waddnstr(::stdscr, piece.text.c_str(), static_cast<int>(piece.text.size()));
            }
        }
        ::wattr_set(::stdscr, A_NORMAL, 0, nullptr);
        ::wrefresh(::stdscr);
    }

    void forget() override { ::clearok(::curscr, true); }

private:
    static short pair_of(const ToneLook& look) { return static_cast<short>(look.colour + 1); }
    static bool has_input() {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        return ::poll(&input, 1, 0) > 0;
    }

    SCREEN* screen_;
    bool is_unicode_;
    bool has_colour_ = false;
};

} // namespace

Result<void> check_terminal() {
    if (::isatty(STDOUT_FILENO) != 1)
        return no_screen("top draws on a terminal, and stdout is none");
    if (::isatty(STDIN_FILENO) != 1)
        return no_screen("top reads keys from a terminal, and stdin is none");
    return {};
}

Result<std::unique_ptr<Terminal>> open_terminal(bool colour) {
    if (auto checked = check_terminal(); !checked) return tl::unexpected(checked.error());
    std::setlocale(LC_CTYPE, "");
    SCREEN* screen = ::newterm(nullptr, stdout, stdin);
    const char* set = std::getenv("TERM");
    const std::string type =
        set == nullptr || *set == '\0' ? "TERM isn't set" : fmt::format("TERM={}", set);
    if (screen == nullptr) return no_screen(type + ": no such terminal is known (terminfo)");
    if (::tigetstr("cup") == nullptr || ::tigetstr("clear") == nullptr) {
        ::endwin();
        ::delscreen(screen);
        return no_screen(type + ": it has no cursor that can be moved");
    }
    return std::make_unique<CursesTerminal>(screen, colour);
}

} // namespace tcpdwell::screen
