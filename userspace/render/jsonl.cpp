// SPDX-License-Identifier: Apache-2.0
// JSON lines, and the same lines as the elements of one array.
#include <cassert>

#include "render/formats.h"
#include "render/json_writer.h"

namespace tcpdwell::render {
namespace {

class JsonRenderer final : public Renderer {
public:
    enum class Layout { lines, array };

    JsonRenderer(Output& out, Layout layout) : out_(out), is_array_(layout == Layout::array) {}

    void begin(const report::Schema&) override {
        if (is_array_) out_.buffer() += '[';
    }

    void meta(std::span<const MetaEntry> entries) override {
        begin_line("meta");
        for (const MetaEntry& entry : entries) {
            json_.key(entry.key);
            json_.raw(entry.json);
        }
        end_line();
    }

    void row(const report::Schema& schema, report::Row row) override {
        assert(row.size() == schema.columns.size());
        begin_line(schema.type);
        for (std::size_t i = 0; i < row.size(); ++i) {
            json_.name(schema.columns[i].id);
            json_.write(row[i]);
        }
        end_line();
    }

    void summary(const report::Schema& schema, report::Row cells) override { row(schema, cells); }

    void finish() override {
        if (is_array_) out_.buffer() += "\n]\n";
    }

private:
    void begin_line(std::string_view type) {
        json_.clear();
        json_.begin_object();
        json_.name("type");
        json_.string(type);
    }

    void end_line() {
        json_.end_object();
        if (is_array_) out_.buffer() += is_first_ ? "\n" : ",\n";
        out_.buffer() += json_.view();
        if (!is_array_) out_.buffer() += '\n';
        is_first_ = false;
    }

    Output& out_;
    bool is_array_;
    bool is_first_ = true;
    JsonWriter json_;
};

} // namespace

std::unique_ptr<Renderer> make_jsonl_renderer(Output& out) {
    return std::make_unique<JsonRenderer>(out, JsonRenderer::Layout::lines);
}

std::unique_ptr<Renderer> make_json_renderer(Output& out) {
    return std::make_unique<JsonRenderer>(out, JsonRenderer::Layout::array);
}

} // namespace tcpdwell::render
