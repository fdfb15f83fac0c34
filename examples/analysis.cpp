/*
 * Analysis from C++17: the whole comparison in one pass, with handles that free themselves and rows
 * by number or name.
 */
#include <qkvsim/qkvsim.hpp>

#include <cstdio>
#include <fstream>

namespace
{

constexpr int64_t widths[] = { 576, 192, 192 }; // Q, K, V
constexpr int64_t tokens = 1024, features = 576 + 192 + 192;

std::vector<qkvsim::float16> read_capture(const char *path)
{
    std::vector<qkvsim::float16> values(tokens * features);
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
    for (std::size_t row; file >> row;)
        mask.at(row) = 1;
    return mask;
}

void report(const char *condition, const qkvsim::analysis &analysis)
{
    std::printf("\n%s: %d tokens\n  pairs  cosine beyond +-0.9  Pearson beyond  offset share\n",
                condition, static_cast<int>(analysis.ask(qkvsim_analysis_observations)));
    const auto of = [&](const char *row, qkvsim_metric metric, qkvsim_statistic statistic) {
        return analysis.ask(qkvsim_analysis_statistic, row, metric, statistic);
    };
    for (const char *row : { "Q-Q", "Q-K", "Q-V", "K-K", "K-V", "V-V" })
        std::printf("  %-5s  %17.2f %%  %12.2f %%  %12.3f\n", row,
                    100 * of(row, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_TAIL),
                    100 * of(row, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_TAIL),
                    of(row, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE));
}

} // namespace

int main()
try {
    const auto values = read_capture("data/smollm2-135m-layer10-qkv.npy");
    auto mask = read_mask("data/alice-rows.txt");
    const qkvsim::context context;
    const auto layout = context.make(qkvsim_layout_widths, widths, nullptr, 3);
    const qkvsim::view view(values.data(), tokens, features);
    const qkvsim::selection selection(mask);
    qkvsim::input input(view);
    input.selection = selection;
    for (const char *condition : { "\" Alice\"", "every other token" }) {
        report(condition, context.make(qkvsim_analysis_run, input, layout, nullptr));
        for (auto &in : mask)
            in = !in;
    }
} catch (const std::exception &error) {
    std::fprintf(stderr, "analysis: %s\n", error.what());
    return 1;
}
