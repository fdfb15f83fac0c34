/*
 * Analysis from C++17: the whole comparison in one pass, with handles that free themselves.
 *
 * The library has no C++ header; it does not need one. A unique_ptr with the handle's free function
 * owns it, and one function turns a failed call into an exception.
 */
#include <qkvsim/qkvsim.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

template <auto Free> struct Freed {
    template <class Handle> void operator()(Handle *handle) const
    {
        Free(handle);
    }
};
using Context = std::unique_ptr<qkvsim_context, Freed<qkvsim_context_free>>;
using Layout = std::unique_ptr<qkvsim_layout, Freed<qkvsim_layout_free>>;
using Analysis = std::unique_ptr<qkvsim_analysis, Freed<qkvsim_analysis_free>>;

constexpr std::array<int64_t, 3> widths{ 576, 192, 192 }; // Q, K, V
constexpr int64_t tokens = 1024, features = 576 + 192 + 192;

void must(qkvsim_status status, const qkvsim_context *context)
{
    if (status != QKVSIM_OK)
        throw std::runtime_error(std::string(qkvsim_status_name(status)) + ": "
                                 + qkvsim_last_error(context));
}

template <class Struct> Struct options()
{
    Struct made;
    qkvsim_struct_init(&made, sizeof made);
    return made;
}

std::vector<uint16_t> read_capture(const char *path)
{
    std::vector<uint16_t> values(tokens * features); // float16
    const auto bytes = static_cast<std::streamoff>(values.size() * sizeof values[0]);
    std::ifstream file(path, std::ios::binary);
    // The values stand at the end of an .npy file, after its header.
    if (!file.seekg(-bytes, std::ios::end)
        || !file.read(reinterpret_cast<char *>(values.data()), bytes))
        throw std::runtime_error(std::string("cannot read ") + path);
    return values;
}

std::vector<uint8_t> read_mask(const char *path)
{
    std::vector<uint8_t> mask(tokens);
    std::ifstream file(path);
    for (std::istream_iterator<std::size_t> row(file), end; row != end; ++row)
        mask.at(*row) = 1;
    return mask;
}

void report(const char *condition, const qkvsim_analysis *analysis)
{
    std::printf("\n%s: %lld tokens\n  pairs  cosine beyond +-0.9  Pearson beyond  offset share\n",
                condition, static_cast<long long>(qkvsim_analysis_observations(analysis)));
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(qkvsim_analysis_layout(analysis)); p++)
        std::printf("  %-5s  %17.2f %%  %12.2f %%  %12.3f\n",
                    qkvsim_layout_row_name(qkvsim_analysis_layout(analysis), p),
                    100
                        * qkvsim_analysis_statistic(analysis, p, QKVSIM_METRIC_COSINE,
                                                    QKVSIM_STATISTIC_TAIL),
                    100
                        * qkvsim_analysis_statistic(analysis, p, QKVSIM_METRIC_PEARSON,
                                                    QKVSIM_STATISTIC_TAIL),
                    qkvsim_analysis_statistic(analysis, p, QKVSIM_METRIC_COSINE,
                                              QKVSIM_STATISTIC_OFFSET_SHARE));
}

void analyze()
{
    const auto values = read_capture("data/smollm2-135m-layer10-qkv.npy");
    auto mask = read_mask("data/alice-rows.txt");

    qkvsim_context *made_context;
    must(qkvsim_context_create(nullptr, &made_context), nullptr);
    const Context context(made_context);

    qkvsim_layout *made_layout;
    must(qkvsim_layout_widths(context.get(), widths.data(), nullptr, 3, &made_layout),
         context.get());
    const Layout layout(made_layout);

    auto view = options<qkvsim_view>();
    view.data = values.data();
    view.observations = tokens;
    view.features = features;
    view.observation_stride = features;
    view.feature_stride = 1;
    view.dtype = QKVSIM_DTYPE_F16;

    auto selection = options<qkvsim_selection>();
    selection.mask = mask.data();
    selection.count = tokens;
    auto input = options<qkvsim_input>();
    input.parts = &view;
    input.part_count = 1;
    input.selection = &selection;

    for (const char *condition : { "\" Alice\"", "every other token" }) {
        qkvsim_analysis *made_analysis;
        must(qkvsim_analyze(context.get(), &input, layout.get(), nullptr, &made_analysis),
             context.get());
        report(condition, Analysis(made_analysis).get());
        for (auto &in : mask)
            in = !in;
    }
}

} // namespace

int main()
try {
    analyze();
} catch (const std::exception &error) {
    std::fprintf(stderr, "analysis: %s\n", error.what());
    return 1;
}
