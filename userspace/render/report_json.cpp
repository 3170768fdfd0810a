// SPDX-License-Identifier: Apache-2.0
// Reports for machines.
#include "render/json_writer.h"
#include "render/report_formats.h"
#include "render/report_sections.h"
#include "tcp/transition.h"

namespace tcpdwell::render {
namespace {

class Writer {
public:
    [[nodiscard]] std::string text() const { return std::string(json_.view()); }

    void write(const report::Report& report) {
        json_.begin_object();
        for (const report::Section& section : report.sections) {
            if (section.id.empty()) continue;
            json_.key(section.id);
            std::visit([this](const auto& body) { write(body); }, section.body);
        }
        json_.key("sections");
        write_sections(json_, report);
        json_.end_object();
    }

    void write(const report::ReportSet& reports) {
        if (!reports.both_ends) return write(reports.hosts.front().report);
        json_.begin_object();
        json_.key("hosts");
        json_.begin_array();
        for (const report::HostReport& host : reports.hosts) write(host.report);
        json_.end_array();
        json_.key("both_ends");
        write(*reports.both_ends);
        json_.key("sections");
        write_sections(json_, reports);
        json_.end_object();
    }

private:
    void write(const report::Facts& facts) {
        json_.begin_object();
        write_members(facts.lines);
        json_.end_object();
    }

    void write_members(const std::vector<report::FactLine>& lines) {
        for (const report::FactLine& line : lines) {
            json_.key(line.id);
            json_.write(line.value);
        }
    }

    void write(const report::Distributions& all) {
        if (all.split_by.empty())
            return all.groups.empty() ? json_.write(report::Value())
                                      : write_members(all.groups.front().members);
        json_.begin_object();
        json_.key("by");
        json_.string(all.split_by);
        json_.key("groups");
        json_.begin_array();
        for (const report::DistributionGroup& group : all.groups) {
            json_.begin_object();
            json_.key("group");
            json_.write(report::Value(group.label));
            json_.key("states");
            write_members(group.members);
            json_.end_object();
        }
        json_.end_array();
        json_.end_object();
    }

    void write_members(const std::vector<report::Distribution>& members) {
        json_.begin_object();
        for (const report::Distribution& d : members) {
            json_.key(d.id);
            write(d);
        }
        json_.end_object();
    }

    void write(const report::Distribution& d) {
        const auto duration = [&](std::string_view key, Nanoseconds value) {
            json_.key(key);
            json_.write(d.count == 0 ? report::Value() : report::Value(value));
        };
        json_.begin_object();
        json_.key("title");
        json_.write(report::Value(d.title));
        json_.key("count");
        json_.number(d.count);
        duration("min_ns", d.min);
        duration("mean_ns", d.mean);
        duration("p50_ns", d.p50);
        duration("p90_ns", d.p90);
        duration("p99_ns", d.p99);
        duration("p999_ns", d.p999);
        duration("max_ns", d.max);
        json_.key("open");
        json_.write(d.open ? report::Value(static_cast<std::int64_t>(*d.open)) : report::Value());
        json_.key("oldest_ns");
        json_.write(d.oldest);
        json_.key("nominal_ns");
        json_.write(d.nominal);
        json_.key("buckets");
        json_.begin_array();
        for (const report::DurationBucket& bucket : d.buckets) {
            json_.begin_array();
            json_.write(report::Value(bucket.low));
            json_.write(report::Value(bucket.high));
            json_.number(bucket.count);
            json_.end_array();
        }
        json_.end_array();
        json_.end_object();
    }

    void write(const report::Table& table) {
        json_.begin_array();
        for (const std::vector<report::Value>& row : table.rows) {
            json_.begin_object();
            for (std::size_t i = 0; i < row.size(); ++i) {
                json_.key(table.columns[i].id);
                json_.write(row[i]);
            }
            json_.end_object();
        }
        json_.end_array();
    }

    void write(const report::StateDiagram& diagram) {
        json_.begin_array();
        for (const report::Edge& edge : diagram.edges) {
            json_.begin_object();
            json_.key("from");
            json_.write(report::Value(edge.from));
            json_.key("to");
            json_.write(report::Value(edge.to));
            json_.key("count");
            json_.number(edge.count);
            json_.key("p50_ns");
            json_.write(edge.median);
            json_.key("kind");
            json_.string(name(edge.kind));
            json_.end_object();
        }
        json_.end_array();
    }

    void write(const report::Timeline& timeline) {
        json_.begin_object();
        json_.key("begin");
        json_.write(report::Value(timeline.begin));
        json_.key("step_ns");
        json_.write(report::Value(timeline.step));
        json_.key("states");
        json_.begin_object();
        for (const report::Timeline::Series& series : timeline.series) {
            json_.key(name(series.state));
            json_.begin_array();
            for (const std::uint64_t count : series.counts) json_.number(count);
            json_.end_array();
        }
        json_.end_object();
        json_.end_object();
    }

    void write(const report::Findings& findings) {
        json_.begin_array();
        for (const report::Finding& finding : findings.list) {
            json_.begin_object();
            json_.key("id");
            json_.string(finding.id);
            json_.key("severity");
            json_.string(name(finding.severity));
            json_.key("what");
            json_.write(report::Value(finding.what));
            json_.key("evidence");
            json_.begin_object();
            write_members(finding.evidence);
            json_.key("connections");
            write_ids(finding.connections);
            json_.end_object();
            json_.key("advice");
            std::string advice;
            for (const std::string_view sentence : finding.advice) {
                if (!advice.empty()) advice += '\n';
                advice += sentence;
            }
            json_.write(report::Value(advice));
            json_.key("subject");
            json_.write(report::Value(finding.subject));
            json_.key("connections");
            write_ids(finding.connections);
            json_.key("because");
            if (finding.because) {
                json_.begin_object();
                json_.key("id");
                json_.string(finding.because->id);
                json_.key("subject");
                json_.write(report::Value(finding.because->subject));
                json_.end_object();
            } else {
                json_.raw("null");
            }
            json_.key("timeline");
            write_lives(finding.lives);
            json_.end_object();
        }
        json_.end_array();
    }

    void write_lives(const std::vector<report::ConnectionLife>& lives) {
        json_.begin_array();
        for (const report::ConnectionLife& life : lives) {
            json_.begin_object();
            member("conn", life.id);
            member("local", life.local);
            member("remote", life.remote);
            member("ending", life.ending ? report::Value(name(*life.ending)) : report::Value());
            json_.key("states");
            json_.begin_array();
            for (const report::ConnectionLife::Span& span : life.spans) {
                json_.begin_object();
                member("state", span.state);
                member("begin", span.begin ? report::Value(*span.begin) : report::Value());
                member("begin_exact", span.begin_is_exact);
                member("end", span.end ? report::Value(*span.end) : report::Value());
                json_.end_object();
            }
            json_.end_array();
            json_.end_object();
        }
        json_.end_array();
    }

    void member(std::string_view key, const report::Value& value) {
        json_.key(key);
        json_.write(value);
    }

    void write_ids(const std::vector<report::HexId>& ids) {
        json_.begin_array();
        for (const report::HexId& id : ids) json_.write(report::Value(id));
        json_.end_array();
    }

    JsonWriter json_;
};

} // namespace

std::string report_json(const report::Report& report) {
    Writer writer;
    writer.write(report);
    return writer.text();
}

std::string report_json(const report::ReportSet& reports) {
    Writer writer;
    writer.write(reports);
    return writer.text();
}

} // namespace tcpdwell::render
