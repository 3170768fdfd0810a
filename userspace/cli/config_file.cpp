// SPDX-License-Identifier: Apache-2.0
// CLI11 2.1 reads files for the program as a whole only, not for one of its commands.
#include "cli/config_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/library_words.h"
#include "cli/toml_check.h"

namespace tcpdwell::cli {
namespace {

CLI::Option* find_option(CLI::App& app, const std::string& name) {
    if (name == "config" || name == "help") return nullptr;
    return app.get_option_no_throw("--" + name);
}

} // namespace

Result<ConfigFile> ConfigFile::read(const std::string& path, CLI::App& app) {
    ConfigFile file;
    if (path.empty()) return file;
    file.path_ = path;
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown))
        return fail(ErrorCode::usage, fmt::format("cannot read {}: it is a folder", path), EISDIR);
    std::ifstream stream(path);
    std::stringstream text;
    if (stream) text << stream.rdbuf();
    if (!stream)
        return fail(ErrorCode::usage, fmt::format("cannot read {}: {}", path, std::strerror(errno)),
                    errno);
    if (const std::string fault = cut_off_in_toml(text.str()); !fault.empty())
        return fail(ErrorCode::usage, fmt::format("{}, {}", path, fault));
    try {
        for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(text)) {
            if (item.name == "++" || item.name == "--") continue; // begin and end of a section
            const bool is_section_ours =
                item.parents.empty() || (item.parents.size() == 1 && item.parents[0] == "serve");
            if (!is_section_ours || find_option(app, item.name) == nullptr)
                return fail(ErrorCode::usage,
                            fmt::format("{}: there is no option --{}", path, item.fullname()));
            auto& values = file.items_[item.name]; // of an option that stands there twice, both
            values.insert(values.end(), item.inputs.begin(), item.inputs.end());
        }
    } catch (const CLI::Error& error) {
        return fail(ErrorCode::usage, fmt::format("{}: {}", path, in_words(error.what())));
    }
    return file;
}

Result<void> ConfigFile::apply(CLI::App& app, const std::string& name) const {
    const auto item = items_.find(name);
    if (item == items_.end()) return {};
    CLI::Option* const option = find_option(app, name);
    try {
        if (option->get_items_expected_max() == 0) {
            option->disable_flag_override(false); // quiet = false, which the command line hasn't
            option->add_result(
                option->get_flag_value(name, item->second.empty() ? "true" : item->second[0]));
        } else
            for (const std::string& value : item->second) option->add_result(value);
        option->run_callback();
    } catch (const CLI::Error& error) {
        return fail(ErrorCode::usage, fmt::format("{}: {}", path_, in_words(error.what())));
    }
    return {};
}

Result<void> ConfigFile::apply_all(CLI::App& app, const std::set<std::string>& given) const {
    for (const auto& [name, values] : items_)
        if (!given.contains(name))
            if (auto applied = apply(app, name); !applied) return applied;
    return {};
}

std::set<std::string> given_options(const CLI::App& app) {
    std::set<std::string> given;
    for (const CLI::Option* option : app.get_options())
        if (option->count() > 0)
            for (const std::string& name : option->get_lnames()) given.insert(name);
    return given;
}

} // namespace tcpdwell::cli
