// SPDX-License-Identifier: Apache-2.0
// Colour is for people only.
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "cli/option_values.h"

namespace tcpdwell::cli {

bool stdout_takes_colour() {
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

void declare_colour(CLI::App& app, std::string& word) {
    word = "auto";
    add_choice(app, "--color,--colour", word, {"auto", "always", "never"},
               "Colours; auto: on a terminal, unless NO_COLOR is set")
        ->capture_default_str();
}

bool wants_colour(const std::string& word) {
    return word == "auto" ? stdout_takes_colour() : word == "always";
}

std::size_t screenful() {
    constexpr std::size_t kUsual = 20;
    constexpr unsigned kBesides = 3; // the heading, and what the shell shows below
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row <= kBesides) return kUsual;
    return size.ws_row - kBesides;
}

std::size_t table_width() {
    const char* columns = std::getenv("COLUMNS");
    const bool is_given = columns != nullptr && *columns != '\0';
    return is_given || ::isatty(STDOUT_FILENO) == 1 ? stdout_width() : 0;
}

std::size_t stdout_width() {
    constexpr std::size_t usual = 80;
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char* columns = std::getenv("COLUMNS");
    const long number = columns ? std::strtol(columns, nullptr, 10) : 0;
    return number > 0 && number < 10'000 ? static_cast<std::size_t>(number) : usual;
}

bool locale_is_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        const std::string_view locale = value;
        for (const std::string_view utf8 : {"UTF-8", "utf-8", "UTF8", "utf8"})
            if (locale.find(utf8) != std::string_view::npos) return true;
        return false; // the first that is set decides (locale(7))
    }
    return false;
}

} // namespace tcpdwell::cli
