// SPDX-License-Identifier: Apache-2.0
// JSON lines.
#include <cassert>

#include "render/formats.h"
#include "render/json_writer.h"

namespace tcpdwell::render {
namespace {

class JsonlRenderer final : public Renderer {
public:
    explicit JsonlRenderer(Output& out) : out_(out) {}

    void begin(const report::Schema&) override {}

    void meta(std::span<const MetaEntry> entries) override {
        begin_line("meta");
        for (const MetaEntry& entry : entries) {
            json_.foreign_key(entry.key);
            json_.raw(entry.json);
        }
        end_line();
    }

    void row(const report::Schema& schema, report::Row row) override {
        assert(row.size() == schema.columns.size());
        begin_line(schema.type);
        for (std::size_t i = 0; i < row.size(); ++i) {
            json_.key(schema.columns[i].id);
            json_.write(row[i]);
        }
        end_line();
    }

    void summary(const report::Schema& schema, report::Row cells) override { row(schema, cells); }

    void finish() override {}

private:
    void begin_line(std::string_view type) {
        json_.clear();
        json_.begin_object();
        json_.key("type");
        json_.string(type);
    }

    void end_line() {
        json_.end_object();
        out_.buffer().append(json_.view()).push_back('\n');
    }

    Output& out_;
    JsonWriter json_;
};

} // namespace

std::unique_ptr<Renderer> make_jsonl_renderer(Output& out) {
    return std::make_unique<JsonlRenderer>(out);
}

} // namespace tcpdwell::render
