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
        line("copy", head.anonymized ? "of another recording, anonymised" : "of another recording");
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
    line("state", damage.any() ? "DAMAGED: " + describe(damage)
                  : damage.cut_off
                      ? "intact, but without an end: still being written, or its writer was killed"
                      : "whole");
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
                                 state};
    renderer.row(kRecordingSchema, row);
}

/// Of one file an object, of several an array of them.
void print_json(std::string& out, const std::vector<Examined>& all) {
    if (all.size() != 1) out += '[';
    for (const Examined& each : all) {
        if (&each != all.data()) out += ",\n";
        out += json_of(each.path, each.head, each.contents, each.damage);
    }
    out += all.size() != 1 ? "]\n" : "\n";
}

Result<int> run_info(const std::vector<std::string>& paths, const std::string& format) {
    start_logging(0);
    const auto found = recording_files(paths);
    if (!found) return tl::unexpected(found.error());
    std::vector<Examined> all;
    for (const std::string& file : *found) {
        auto examined = examine(file);
        if (!examined) return tl::unexpected(examined.error());
        all.push_back(std::move(*examined));
    }
    render::Output out(STDOUT_FILENO);
    if (format == "json") {
        print_json(out.buffer(), all);
    } else if (format == "text" || format == "jsonl") {
        for (const Examined& each : all) {
            if (format == "text" && &each != all.data()) out.buffer() += '\n';
            out.buffer() += format == "text"
                                ? text_of(each.path, each.head, each.contents, each.damage)
                                : json_of(each.path, each.head, each.contents, each.damage) + '\n';
        }
    } else {
        const auto renderer = make_renderer(*from_word<render::Format>(format), out, {});
        renderer->begin(kRecordingSchema);
        for (const Examined& each : all) print_row(*renderer, each);
        renderer->finish();
    }
    if (auto written = out.flush(); !written) return tl::unexpected(written.error());
    return 0;
}

} // namespace

Action define_info(CLI::App& app) {
    struct Options {
        std::vector<std::string> files;
        std::string format = "text";
    };
    auto options = std::make_shared<Options>();
    app.add_option("FILE", options->files, "Recordings, or folders of them")->required();
    add_format(app, options->format, {"text", "table", "json", "jsonl", "csv"}, "",
               "How to print it; json: an object, or an array of them for several files; "
               "jsonl, table and csv: one line for each file")
        ->capture_default_str();
    app.footer("Reads the whole file, so damage anywhere is found.");
    return [options] { return run_info(options->files, options->format); };
}

} // namespace tcpdwell::cli
