// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_info.h"
#include "cli/option_values.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/counted.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/view_run.h"
#include "event/record.h"
#include "recording/head.h"
#include "recording/reader.h"
#include "render/json_writer.h"
#include "render/renderer.h"

namespace tcpdwell::cli {
namespace {

using recording::Damage;
using recording::Head;
using recording::RecordingReader;

/// Result of reading all records.
struct Contents {
    std::uint64_t blocks = 0;
    std::uint64_t records = 0;
    std::uint64_t raw_bytes = 0;
    std::uint64_t packed_bytes = 0;
    std::array<std::uint64_t, event::kRecordKindEnd>
        kinds{}; ///< the first: of kinds without a name
    std::uint64_t lost = 0;
    std::uint64_t holes = 0; ///< that a copy has taken over from a damaged recording
    std::uint64_t misdated = 0;
    std::optional<MonoTime> first; ///< of events, without the snapshot's facts and clocks of before
    std::optional<MonoTime> last;

    void add(std::span<const std::byte> record, const recording::BlockHead& block) {
        const td_header header = event::read_header(record);
        ++records;
        ++kinds[header.kind < kinds.size() ? header.kind : 0];
        if (!has_possible_time(header, block)) {
            ++misdated;
            return;
        }
        const MonoTime at = event::time_of(header);
        first = std::min(first.value_or(at), at);
        last = std::max(last.value_or(at), at);
        lost = std::max(lost, event::lost_in(record));
        if (header.kind == TD_GAP) ++holes;
    }
};

Result<Contents> on_record(recording::RecordingReader& reader) {
    Contents contents;
    while (true) {
        const auto block = reader.next();
        if (!block) return tl::unexpected(block.error());
        if (!*block) return contents;
        ++contents.blocks;
        contents.raw_bytes += reader.block().raw_bytes;
        contents.packed_bytes += reader.block().packed_bytes + recording::kBlockHeadSize;
        event::for_each_record(**block, [&](std::span<const std::byte> record) {
            contents.add(record, reader.block());
        });
    }
}

std::string json_of(const std::string& path, const recording::Head& head, const Contents& contents,
                    const recording::Damage& damage) {
    render::JsonWriter json;
    const auto text = [&](std::string_view key, std::string_view value) {
        json.key(key);
        json.write(report::Value(value));
    };
    const auto number = [&](std::string_view key, std::uint64_t value) {
        json.key(key);
        json.number(value);
    };
    const auto time = [&](std::string_view key, const std::optional<MonoTime>& at) {
        json.key(key);
        json.write(at ? report::Value(head.clock.to_wall(*at)) : report::Value());
    };
    json.begin_object();
    text("file", path);
    text("tool", head.tool);
    text("host", head.host);
    text("kernel", head.kernel);
    text("machine", head.machine);
    text("boot_id", head.boot_id);
    text("filter", head.filter);
    json.key("copied");
    json.write(report::Value(head.copied));
    json.key("anonymized");
    json.write(report::Value(head.anonymized));
    text("probes", head.probes);
    number("hz", head.hz);
    time("begin", contents.first);
    time("end", contents.last);
    number("blocks", contents.blocks);
    number("records", contents.records);
    number("record_bytes", contents.raw_bytes);
    number("file_bytes", contents.packed_bytes);
    json.key("kinds");
    json.begin_object();
    for (std::size_t kind = 1; kind < contents.kinds.size(); ++kind)
        if (contents.kinds[kind] != 0) number(event::kind_name(kind), contents.kinds[kind]);
    if (contents.kinds[0] != 0) number("unknown", contents.kinds[0]);
    json.end_object();
    number("lost", contents.lost);
    number("holes", contents.holes);
    json.key("damage");
    json.begin_object();
    number("missing_blocks", damage.missing_blocks);
    number("bad_blocks", damage.bad_blocks);
    number("repeated_blocks", damage.repeated_blocks);
    number("misplaced_blocks", damage.misplaced_blocks);
    number("foreign_blocks", damage.foreign_blocks);
    number("swollen_blocks", damage.swollen_blocks);
    number("misdated_records", damage.misdated_records);
    number("skipped_bytes", damage.skipped_bytes);
    json.key("cut_off");
    json.write(report::Value(damage.cut_off));
    json.end_object();
    json.end_object();
    return std::string(json.view());
}

std::string state_text(const Contents& contents, const recording::Damage& damage) {
    std::string text =
        damage.any() ? "DAMAGED: " + describe(damage)
        : damage.cut_off
            ? "intact, but without an end: still being written, or its writer was killed"
            : "whole";
    if (contents.holes > 0)
        text +=
            fmt::format("; with {}, in which events are missing", counted(contents.holes, "HOLE"));
    return text;
}

std::string text_of(const std::string& path, const recording::Head& head, const Contents& contents,
                    const recording::Damage& damage) {
    std::string out;
    const auto line = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) out += fmt::format("{:<10} {}\n", name, printable(value));
    };
    const auto moment = [&](MonoTime at) {
        render::JsonWriter json;
        json.write(report::Value(head.clock.to_wall(at)));
        return std::string(json.view().substr(1, json.view().size() - 2)); // without the quotes
    };
    line("file", path);
    line("host", head.host);
    line("kernel", fmt::format("{} {}", head.kernel, head.machine));
    line("boot", head.boot_id);
    line("written by", head.tool);
    line("filter", head.filter);
    if (head.copied)
        line("copy", head.anonymized ? "of another recording, anonymized" : "of another recording");
    if (contents.first)
        line("time",
             fmt::format("{} to {}, {:.3f} s", moment(*contents.first), moment(*contents.last),
                         std::chrono::duration<double>(*contents.last - *contents.first).count()));
    line("size",
         fmt::format("{} in {}, {} bytes, {} unpacked", counted(contents.records, "record"),
                     counted(contents.blocks, "block"), contents.packed_bytes, contents.raw_bytes));
    const std::uint64_t transitions = contents.kinds[TD_STATE];
    if (transitions != 0)
        line("", fmt::format("{:.1f} bytes per state change of a full socket, of which there {} {}",
                             static_cast<double>(contents.packed_bytes) /
                                 static_cast<double>(transitions),
                             transitions == 1 ? "is" : "are", transitions));
    std::string kinds;
    for (std::size_t kind = 1; kind < contents.kinds.size(); ++kind)
        if (contents.kinds[kind] != 0)
            kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", event::kind_name(kind),
                                 contents.kinds[kind]);
    if (contents.kinds[0] != 0) kinds += fmt::format(", of a later version {}", contents.kinds[0]);
    line("records", kinds);
    line("lost", contents.lost == 0
                     ? "nothing, when it was recorded"
                     : fmt::format("{}, when it was recorded",
                                   contents.lost == 1 ? "1 EVENT"
                                                      : fmt::format("{} EVENTS", contents.lost)));
    line("state", state_text(contents, damage));
    return out;
}

constexpr report::Column kRecordingColumns[] = {
    {"file", "FILE", "Name of the file", 20},
    {"host", "HOST", "Host that was traced", 12},
    {"kernel", "KERNEL", "Its kernel", 16},
    {"begin", "BEGIN", "Time of the first event", 15},
    {"end", "END", "Time of the last event", 15},
    {"records", "RECORDS", "Number of records", 9, report::Align::right},
    {"file_bytes", "BYTES", "Size of the file", 11, report::Align::right},
    {"lost", "LOST", "Events lost when it was recorded", 6, report::Align::right},
    {"state", "STATE", "whole, no end (still being written, or its writer was killed), damaged", 7},
    {"holes", "HOLES", "Times without events that a copy has of a damaged recording", 5,
     report::Align::right},
};
constexpr report::Schema kRecordingSchema = {"recording", kRecordingColumns};

/// What was found out about one file.
struct Examined {
    std::string path;
    Head head;
    Contents contents;
    Damage damage;
};

Result<Examined> examine(const std::string& file) {
    auto reader = RecordingReader::open(file);
    if (!reader) return tl::unexpected(reader.error());
    const auto contents = on_record(**reader);
    if (!contents) return tl::unexpected(contents.error());
    Examined found{file, recording::head_from_json((*reader)->head_json()), *contents,
                   (*reader)->damage()};
    found.damage.misdated_records = contents->misdated;
    return found;
}

void print_row(render::Renderer& renderer, const Examined& each) {
    const auto time = [&](const std::optional<MonoTime>& at) {
        return at ? report::Value(each.head.clock.to_wall(*at)) : report::Value();
    };
    const std::string_view state = each.damage.any()     ? "damaged"
                                   : each.damage.cut_off ? "no end"
                                                         : "whole";
    const report::Value row[] = {std::string_view(each.path),
                                 std::string_view(each.head.host),
                                 std::string_view(each.head.kernel),
                                 time(each.contents.first),
                                 time(each.contents.last),
                                 report::count_value(each.contents.records),
                                 report::count_value(each.contents.packed_bytes),
                                 report::count_value(each.contents.lost),
                                 state,
                                 report::count_value(each.contents.holes)};
    renderer.row(kRecordingSchema, row);
}

/// What was found out about several files, and why the others can't be read.
struct Inspection {
    std::size_t files = 0;
    std::vector<Examined> read;
    std::vector<Error> errors;

    void look_at(const std::string& path) {
        const auto found = recording_files({path});
        if (!found) {
            ++files;
            errors.push_back(found.error());
            return;
        }
        for (const std::string& file : *found) {
            ++files;
            if (auto examined = examine(file))
                read.push_back(std::move(*examined));
            else
                errors.push_back(examined.error());
        }
    }
    [[nodiscard]] bool is_something_missing() const {
        return std::ranges::any_of(read, [](const Examined& each) {
            return each.damage.any() || each.contents.lost > 0 || each.contents.holes > 0;
        });
    }
};

/// Of one file an object, of several an array of them.
void print_json(std::string& out, const Inspection& inspection) {
    const bool is_array = inspection.files != 1;
    if (is_array) out += '[';
    for (const Examined& each : inspection.read) {
        if (&each != inspection.read.data()) out += ",\n";
        out += json_of(each.path, each.head, each.contents, each.damage);
    }
    out += is_array ? "]\n" : "\n";
}

Result<void> print(const Inspection& inspection, const std::string& format) {
    render::Output out(STDOUT_FILENO);
    if (format == "json") {
        print_json(out.buffer(), inspection);
    } else if (format == "text" || format == "jsonl") {
        for (const Examined& each : inspection.read) {
            if (format == "text" && &each != inspection.read.data()) out.buffer() += '\n';
            out.buffer() += format == "text"
                                ? text_of(each.path, each.head, each.contents, each.damage)
                                : json_of(each.path, each.head, each.contents, each.damage) + '\n';
        }
    } else {
        const auto renderer = make_renderer(*from_word<render::Format>(format), out, {});
        renderer->begin(kRecordingSchema);
        for (const Examined& each : inspection.read) print_row(*renderer, each);
        renderer->finish();
    }
    return out.flush();
}

struct InfoCommand {
    std::vector<std::string> files;
    std::string format = "text";
    bool strict = false;
};

Result<int> run_info(const InfoCommand& options) {
    start_logging(0);
    Inspection inspection;
    for (const std::string& path : options.files) inspection.look_at(path);
    if (!inspection.read.empty())
        if (auto printed = print(inspection, options.format); !printed)
            return tl::unexpected(printed.error());
    if (inspection.errors.empty())
        return options.strict && inspection.is_something_missing() ? 4 : 0;
    const Error last = inspection.errors.back();
    inspection.errors.pop_back();
    for (const Error& error : inspection.errors) print_error(error.message);
    return tl::unexpected(last);
}

} // namespace

Action define_info(CLI::App& app) {
    auto options = std::make_shared<InfoCommand>();
    app.add_option("FILE", options->files, "Recordings, or folders of them")->required();
    add_format(app, options->format, {"text", "table", "json", "jsonl", "csv"}, "",
               "How to print it; json: an object, or an array of them for several files; "
               "jsonl, table and csv: one line for each file")
        ->capture_default_str();
    app.add_flag("--strict", options->strict,
                 "Exit with status 4 if events were lost, a recording is damaged, or has holes");
    app.footer("Reads the whole file, so damage anywhere is found.\n"
               "Exit status: 0 fine, 1 a file can't be read, 2 bad usage, 4 something is missing "
               "(--strict).");
    return [options] { return run_info(*options); };
}

} // namespace tcpdwell::cli
