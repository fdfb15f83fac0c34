/* qkvsim.hpp: handles, exceptions, callbacks, spans and rows by name, against the same asked in
 * C. */
#include <qkvsim/qkvsim.hpp>

#include <check.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

namespace
{

constexpr int64_t n = 60, d = 9;
constexpr int32_t COSINE = QKVSIM_METRIC_COSINE, MEAN = QKVSIM_STATISTIC_MEAN;

template <class T> std::vector<T> numbers()
{
    std::vector<T> made;
    for (int i = 0; i < static_cast<int>(n); i++)
        for (int j = 0; j < static_cast<int>(d); j++)
            made.push_back(static_cast<T>((i * 37 + j * 101 + i * i * (j + 1)) % 53 - 20));
    return made;
}

const std::vector<float> values = numbers<float>();

/* What is lent to a call has to live for as long as the test. */
const qkvsim::view activations(values.data(), n, d);
const qkvsim::input everything(activations);

/* The status and text that something throws. */
struct caught {
    qkvsim_status status = QKVSIM_OK;
    std::string text;
    template <class F> explicit caught(F &&attempt)
    {
        try {
            attempt();
        } catch (const qkvsim::error &error) {
            status = error.status;
            text = error.what();
        }
    }
    bool says(const char *part) const { return text.find(part) != std::string::npos; }
};

bool same(double a, double b)
{
    return std::memcmp(&a, &b, sizeof a) == 0;
}

/* ---- memory that is counted ---- */

struct counter {
    int live = 0;
    bool fails = false;
};

void *allocate(void *user, std::size_t size)
{
    auto *const of = static_cast<counter *>(user);
    if (of->fails)
        return nullptr;
    of->live++;
    return std::malloc(size);
}

void release(void *user, void *memory)
{
    static_cast<counter *>(user)->live--;
    std::free(memory);
}

qkvsim::sized<qkvsim_context_options> counted(counter *by)
{
    qkvsim::sized<qkvsim_context_options> options;
    options.allocate = allocate;
    options.release = release;
    options.allocate_user = by;
    options.threads = 2;
    return options;
}

/* ---- one of every kind ---- */

struct every_kind {
    qkvsim::context context;
    qkvsim::layout layout;
    qkvsim::analysis analysis;
    qkvsim::accumulator accumulator;
    qkvsim::baseline baseline;
    qkvsim::comparison comparison;
    qkvsim::intervals intervals;
    qkvsim::pairs pairs;

    explicit every_kind(counter *by)
        : context(counted(by)), layout(context.make(qkvsim_layout_thirds, d)),
          analysis(context.make(qkvsim_analysis_run, everything, layout, nullptr)),
          accumulator(context.make(qkvsim_accumulator_create, d, nullptr)),
          baseline(make_baseline(0, 5)), comparison(make_comparison()),
          intervals(
              context.make(qkvsim_intervals_run, everything, nullptr, layout, nullptr, nullptr)),
          pairs(make_pairs())
    {
        context.call(qkvsim_accumulator_update, accumulator, everything);
    }

    qkvsim::baseline make_baseline(int64_t first, int64_t count) const
    {
        qkvsim::sized<qkvsim_baseline_options> options;
        options.permutations = count;
        options.first = first;
        options.total = 5;
        options.seed = 7;
        return context.make(qkvsim_baseline_run, everything, layout, nullptr, options);
    }

    qkvsim::comparison make_comparison() const
    {
        std::vector<uint8_t> mask(n, 0), rest(n, 1);
        for (std::size_t i = 0; i < n / 3; i++)
            std::swap(mask[i], rest[i]);
        const qkvsim::selection targets(mask), others(rest);
        qkvsim::input input(activations);
        input.selection = targets;
        qkvsim::sized<qkvsim_comparison_options> options;
        options.permutations = 4;
        return context.make(qkvsim_comparison_run, input, others, layout, nullptr, options);
    }

    qkvsim::pairs make_pairs() const
    {
        qkvsim::sized<qkvsim_pairs_options> options;
        options.top = 3;
        return context.make(qkvsim_pairs_run, everything, layout, options);
    }
};

START_TEST(every_handle_is_freed_once)
{
    counter memory;
    {
        const every_kind all(&memory);
        ck_assert_int_gt(memory.live, 8);
        const qkvsim::baseline copy = all.baseline;
        qkvsim::baseline moved = copy;
        const qkvsim::baseline last = std::move(moved);
        ck_assert_ptr_null(
            static_cast<const qkvsim_baseline *>(moved)); // NOLINT: it is NULL by contract
        ck_assert_ptr_eq(static_cast<const qkvsim_baseline *>(last),
                         static_cast<const qkvsim_baseline *>(all.baseline));
        qkvsim::analysis other = all.analysis;
        other = all.baseline.ask(qkvsim_baseline_observed);
        qkvsim::context elsewhere(counted(&memory));
        elsewhere = qkvsim::context(counted(&memory));
    }
    ck_assert_int_eq(memory.live, 0);
}
END_TEST

START_TEST(answers_are_those_of_c)
{
    counter memory;
    const every_kind all(&memory);
    const int32_t p = QKVSIM_SUMMARY_P;
    ck_assert_int_eq(all.layout.ask(qkvsim_layout_features), d);
    ck_assert_str_eq(all.layout.ask(qkvsim_layout_row_name, 1), "Q-K");
    ck_assert_int_eq(all.layout.ask(qkvsim_layout_pairs, "Q-K"), 9);
    ck_assert(same(all.analysis.ask(qkvsim_analysis_statistic, "Q-K", COSINE, MEAN),
                   qkvsim_analysis_statistic(all.analysis, 1, COSINE, MEAN)));
    ck_assert_int_eq(all.accumulator.ask(qkvsim_accumulator_observations), n);
    ck_assert(same(all.baseline.ask(qkvsim_baseline_statistic, "V-V", COSINE, MEAN, p),
                   qkvsim_baseline_statistic(all.baseline, 5, COSINE, MEAN, p)));
    ck_assert(same(
        all.comparison.ask(qkvsim_comparison_distance, "K-K", COSINE, QKVSIM_DISTANCE_WASSERSTEIN,
                           p),
        qkvsim_comparison_distance(all.comparison, 3, COSINE, QKVSIM_DISTANCE_WASSERSTEIN, p)));
    ck_assert(
        same(all.intervals.ask(qkvsim_intervals_contrast, "Q-Q", "V-V", COSINE, MEAN,
                               QKVSIM_SUMMARY_LOW),
             qkvsim_intervals_contrast(all.intervals, 0, 5, COSINE, MEAN, QKVSIM_SUMMARY_LOW)));
    ck_assert_int_eq(all.pairs.ask(qkvsim_pairs_observations), n);
}
END_TEST

START_TEST(rows_have_names_and_numbers)
{
    counter memory;
    const every_kind all(&memory);
    for (int32_t row = 0; row < qkvsim_layout_rows(all.analysis.layout()); row++) {
        const char *const name = qkvsim_layout_row_name(all.analysis.layout(), row);
        const double number = all.analysis.ask(qkvsim_analysis_statistic, row, COSINE, MEAN);
        ck_assert(same(number, all.analysis.ask(qkvsim_analysis_statistic, name, COSINE, MEAN)));
        ck_assert(same(
            number, all.analysis.ask(qkvsim_analysis_statistic, std::string(name), COSINE, MEAN)));
    }
    const char *const null = nullptr;
    for (const char *name : { "Q-Z", "", "Q-", null }) {
        const caught thrown([&] { all.analysis.ask(qkvsim_analysis_defined, name, COSINE); });
        ck_assert_int_eq(thrown.status, QKVSIM_ERROR_INVALID_ARGUMENT);
        ck_assert(thrown.says("no row has the name"));
        ck_assert(thrown.says(name != nullptr ? name : ""));
    }
    ck_assert(std::isnan(all.analysis.ask(qkvsim_analysis_statistic, 6, COSINE, MEAN)));
}
END_TEST

START_TEST(arrays_are_spans_and_whole_rows)
{
    counter memory;
    const every_kind all(&memory);
    const auto histograms = all.analysis.ask(qkvsim_analysis_histograms, COSINE);
    ck_assert_int_eq(histograms.size(), 6 * 100);
    const int64_t *const third = qkvsim_analysis_histogram(all.analysis, 2, COSINE);
    for (int64_t bin = 0; bin < 100; bin++)
        ck_assert_int_eq(histograms[200 + bin], third[bin]);
    int64_t sum = 0;
    for (const int64_t count : histograms)
        sum += count;
    ck_assert_int_eq(sum, d * (d - 1) / 2);
    ck_assert_int_eq(all.analysis.ask(qkvsim_analysis_histograms, 64).size(), 0);
    ck_assert_int_eq(all.analysis.ask(qkvsim_analysis_dropped).size(), 0);
    ck_assert_int_eq(all.pairs.ask(qkvsim_pairs_list).size(), 3);
    ck_assert_int_eq(qkvsim::span<const double>(nullptr, 5).size(), 0);
    const auto bands = all.baseline.ask(qkvsim_baseline_histograms, COSINE, QKVSIM_SUMMARY_MAXIMUM);
    ck_assert_int_eq(bands.size(), 6 * 100);

    const std::vector<double> means =
        all.context.rows(qkvsim_analysis_statistics, all.analysis, COSINE, MEAN);
    const std::vector<double> highs = all.context.rows(qkvsim_intervals_statistics, all.intervals,
                                                       COSINE, MEAN, QKVSIM_SUMMARY_HIGH);
    ck_assert_uint_eq(means.size(), 6);
    for (int32_t row = 0; row < 6; row++) {
        const auto at = static_cast<std::size_t>(row);
        ck_assert(same(means[at], qkvsim_analysis_statistic(all.analysis, row, COSINE, MEAN)));
        ck_assert(same(highs[at], qkvsim_intervals_statistic(all.intervals, row, COSINE, MEAN,
                                                             QKVSIM_SUMMARY_HIGH)));
    }
    const caught unknown(
        [&] { all.context.rows(qkvsim_analysis_statistics, all.analysis, COSINE, 77); });
    ck_assert_int_eq(unknown.status, QKVSIM_ERROR_UNSUPPORTED);
    ck_assert(unknown.says("statistic is 77"));
}
END_TEST

START_TEST(a_part_keeps_the_whole)
{
    counter memory;
    {
        const auto layout = every_kind(&memory)
                                .intervals.ask(qkvsim_intervals_observed)
                                .ask(qkvsim_analysis_layout);
        ck_assert_int_gt(memory.live, 0);
        ck_assert_str_eq(layout.ask(qkvsim_layout_row_name, 5), "V-V");
    }
    ck_assert_int_eq(memory.live, 0);
}
END_TEST

START_TEST(a_part_cannot_be_changed)
{
    counter memory;
    const every_kind all(&memory);
    const int32_t pair_groups[] = { 0, 3 };
    const caught thrown([&] {
        all.context.call(qkvsim_layout_add_rollup, all.analysis.ask(qkvsim_analysis_layout), "both",
                         pair_groups, 2);
    });
    ck_assert_int_eq(thrown.status, QKVSIM_ERROR_INVALID_ARGUMENT);
    all.context.call(qkvsim_layout_add_rollup, all.layout, "both", pair_groups, 2);
    ck_assert_int_eq(all.layout.ask(qkvsim_layout_rows), 7);
    ck_assert_int_eq(all.layout.ask(qkvsim_layout_rollup_pair_groups, 0).size(), 2);
}
END_TEST

/* ---- errors ---- */

START_TEST(errors_carry_status_and_text)
{
    const qkvsim::context context;
    const caught thrown([&] { context.make(qkvsim_layout_thirds, 100); });
    ck_assert_int_eq(thrown.status, QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_str_eq(thrown.text.c_str(), qkvsim_context_error(context));
    ck_assert(thrown.says("100"));
    const auto layout = context.make(qkvsim_layout_thirds, 12);
    const caught narrow([&] { context.make(qkvsim_analysis_run, everything, layout, nullptr); });
    ck_assert_int_eq(narrow.status, QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert(narrow.says("12"));
}
END_TEST

START_TEST(contexts_that_cannot_be_made_say_why)
{
    counter memory;
    qkvsim::sized<qkvsim_context_options> options = counted(&memory);
    options.threads = -3;
    const caught refused([&] { qkvsim::context context(options); });
    ck_assert_int_eq(refused.status, QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert(refused.says("threads is -3"));
    memory.fails = true;
    const caught out([&] { qkvsim::context context(counted(&memory)); });
    ck_assert_int_eq(out.status, QKVSIM_ERROR_NO_MEMORY);
    ck_assert(out.says("out of memory for the context"));
}
END_TEST

START_TEST(what_was_moved_from_throws_and_does_not_crash)
{
    counter memory;
    every_kind all(&memory);
    const qkvsim::analysis kept = std::move(all.analysis);
    ck_assert(std::isnan(all.analysis.ask(qkvsim_analysis_statistic, 0, COSINE, MEAN)));
    ck_assert_int_eq(all.analysis.ask(qkvsim_analysis_histograms, COSINE).size(), 0);
    ck_assert_int_eq(
        caught([&] { all.analysis.ask(qkvsim_analysis_defined, "Q-K", COSINE); }).status,
        QKVSIM_ERROR_INVALID_ARGUMENT);
    const qkvsim::accumulator sum = std::move(all.accumulator);
    ck_assert_int_eq(caught([&] {
                         all.context.call(qkvsim_accumulator_update, all.accumulator, everything);
                     }).status,
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    const qkvsim::context working = std::move(all.context);
    all.context.set_progress([](int64_t, int64_t) { return true; });
    const caught thrown([&] { all.context.make(qkvsim_layout_thirds, 9); });
    ck_assert_int_eq(thrown.status, QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert(thrown.says("context is NULL"));
    ck_assert_int_eq(working.make(qkvsim_layout_thirds, 9).ask(qkvsim_layout_groups), 3);
}
END_TEST

/* ---- callbacks ---- */

struct no_error_of_ours {
    int number;
};

START_TEST(what_a_callback_throws_comes_out_of_the_call)
{
    counter memory;
    {
        qkvsim::context context(counted(&memory));
        const auto layout = context.make(qkvsim_layout_thirds, d);
        qkvsim::sized<qkvsim_baseline_options> options;
        options.permutations = 5;
        int calls = 0, thrown = 0;
        context.set_progress([&](int64_t, int64_t) -> bool {
            calls++;
            throw no_error_of_ours{ 42 };
        });
        const qkvsim::context moved = std::move(context);
        try {
            moved.make(qkvsim_baseline_run, everything, layout, nullptr, options);
        } catch (const no_error_of_ours &error) {
            thrown = error.number;
        }
        ck_assert_int_eq(thrown, 42);
        ck_assert_int_eq(calls, 1);
        moved.set_progress(nullptr);
        moved.make(qkvsim_baseline_run, everything, layout, nullptr, options);
        ck_assert_int_eq(calls, 1);
    }
    ck_assert_int_eq(memory.live, 0);
}
END_TEST

/* A call that goes on although it was cancelled, and makes a handle. */
qkvsim_status go_on(qkvsim_context *context, const qkvsim_layout *layout, qkvsim_layout **made)
{
    for (int call = 0; call < 2; call++) {
        qkvsim_analysis *analysis = nullptr;
        (void)qkvsim_analysis_run(context, everything, layout, nullptr, &analysis);
        qkvsim_analysis_free(analysis);
    }
    return qkvsim_layout_thirds(context, d, made);
}

START_TEST(a_call_that_succeeds_all_the_same_throws_and_leaks_nothing)
{
    counter memory;
    {
        const qkvsim::context context(counted(&memory));
        const auto layout = context.make(qkvsim_layout_thirds, d);
        int calls = 0;
        std::string text;
        context.set_progress([&](int64_t, int64_t) -> bool {
            calls++;
            throw std::out_of_range("thrown");
        });
        try {
            context.make(go_on, layout);
        } catch (const std::out_of_range &error) {
            text = error.what();
        }
        ck_assert_str_eq(text.c_str(), "thrown");
        ck_assert_int_eq(calls, 1);
    }
    ck_assert_int_eq(memory.live, 0);
}
END_TEST

START_TEST(false_cancels)
{
    const qkvsim::context context;
    const auto layout = context.make(qkvsim_layout_thirds, d);
    int64_t most = 0;
    context.set_progress([&](int64_t done, int64_t total) {
        ck_assert_int_le(done, total);
        most = total;
        return false;
    });
    const caught thrown([&] { context.make(qkvsim_analysis_run, everything, layout, nullptr); });
    ck_assert_int_eq(thrown.status, QKVSIM_ERROR_CANCELLED);
    ck_assert(thrown.says("cancelled"));
    ck_assert_int_ge(most, 1);
    context.set_progress([](int64_t, int64_t) { return true; });
    context.make(qkvsim_analysis_run, everything, layout, nullptr);
}
END_TEST

/* ---- what goes in ---- */

static_assert(qkvsim::dtype_of<float> == QKVSIM_DTYPE_F32);
static_assert(qkvsim::dtype_of<double> == QKVSIM_DTYPE_F64);
static_assert(qkvsim::dtype_of<qkvsim::float16> == QKVSIM_DTYPE_F16);
static_assert(qkvsim::dtype_of<qkvsim::bfloat16> == QKVSIM_DTYPE_BF16);
static_assert(qkvsim::dtype_of<int32_t> == QKVSIM_DTYPE_I32);
static_assert(sizeof(qkvsim::float16) == 2 && sizeof(qkvsim::bfloat16) == 2);

/* What would be gone before the call is refused when compiled. */
static_assert(!std::is_constructible_v<qkvsim::input, qkvsim::view>);
static_assert(std::is_constructible_v<qkvsim::input, const qkvsim::view &>);
static_assert(!std::is_constructible_v<qkvsim::input, std::vector<qkvsim::view>>);
static_assert(std::is_constructible_v<qkvsim::input, const std::vector<qkvsim::view> &>);
static_assert(!std::is_constructible_v<qkvsim::selection, std::vector<uint8_t>>);
static_assert(!std::is_constructible_v<qkvsim::selection, std::vector<int32_t> &>);
static_assert(!std::is_copy_constructible_v<qkvsim::context>);
static_assert(std::is_nothrow_move_constructible_v<qkvsim::context>);
static_assert(std::is_nothrow_move_constructible_v<qkvsim::analysis>);

START_TEST(elements_have_the_type_of_their_pointer)
{
    const qkvsim::context context;
    const auto layout = context.make(qkvsim_layout_thirds, d);
    const std::vector<double> wide = numbers<double>();
    std::vector<qkvsim::bfloat16> upper;
    for (const float value : values) { /* small whole numbers, whose lower half is 0 */
        uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        upper.push_back(static_cast<qkvsim::bfloat16>(bits >> 16));
    }
    const qkvsim::view of_wide(wide.data(), n, d), of_upper(upper.data(), n, d);
    const std::vector<double> expected =
        context.rows(qkvsim_analysis_statistics,
                     context.make(qkvsim_analysis_run, everything, layout, nullptr), COSINE, MEAN);
    for (const qkvsim::view *view : { &of_wide, &of_upper }) {
        const auto analysis =
            context.make(qkvsim_analysis_run, qkvsim::input(*view), layout, nullptr);
        const auto means = context.rows(qkvsim_analysis_statistics, analysis, COSINE, MEAN);
        for (std::size_t row = 0; row < 6; row++)
            ck_assert(std::fabs(means[row] - expected[row]) < 1e-6);
    }
    const std::vector<qkvsim::float16> ones(n * d, static_cast<qkvsim::float16>(0x3c00));
    const qkvsim::view of_ones(ones.data(), n, d);
    const auto constant =
        context.make(qkvsim_analysis_run, qkvsim::input(of_ones), layout, nullptr);
    ck_assert(std::fabs(constant.ask(qkvsim_analysis_statistic, "Q-K", COSINE, MEAN) - 1) < 1e-6);
}
END_TEST

START_TEST(parts_strides_and_selections_are_those_of_c)
{
    const qkvsim::context context;
    const auto layout = context.make(qkvsim_layout_thirds, d);
    std::vector<qkvsim::view> parts(3, qkvsim::view(values.data(), n, 3));
    for (std::size_t part = 0; part < 3; part++) {
        parts[part].data = values.data() + 3 * part;
        parts[part].observation_stride = d;
    }
    std::vector<int64_t> rows;
    std::vector<uint8_t> mask(n, 0);
    for (int64_t i = 1; i < n; i += 3) {
        rows.push_back(i);
        mask[static_cast<std::size_t>(i)] = 1;
    }
    const qkvsim::selection by_number(rows), by_mask(mask);
    qkvsim::input apart(parts), whole(activations);
    apart.selection = by_number;
    whole.selection = by_mask;
    const auto one = context.make(qkvsim_analysis_run, apart, layout, nullptr);
    const auto other = context.make(qkvsim_analysis_run, whole, layout, nullptr);
    ck_assert_int_eq(one.ask(qkvsim_analysis_observations), n / 3);
    const auto pack = [&](const qkvsim::analysis &of) {
        return context.pack(qkvsim_analysis_packed_size, qkvsim_analysis_pack, of);
    };
    ck_assert(pack(one) == pack(other));
}
END_TEST

START_TEST(matrices_are_written)
{
    const qkvsim::context context;
    std::vector<float> cosines(d * d, 5.0f);
    std::vector<double> exact(d * d, 5.0);
    const qkvsim::matrix matrix(cosines.data(), d, d), wide(exact.data(), d, d);
    context.call(qkvsim_similarity, everything, COSINE, nullptr, matrix);
    context.call(qkvsim_similarity, everything, COSINE, nullptr, wide);
    ck_assert(std::fabs(static_cast<double>(cosines[0]) - 1) < 1e-6);
    for (std::size_t i = 0; i < exact.size(); i++)
        ck_assert(std::fabs(exact[i] - static_cast<double>(cosines[i])) < 1e-6);
}
END_TEST

/* ---- results as values ---- */

START_TEST(handles_come_back_from_their_bytes)
{
    counter memory;
    const every_kind all(&memory);
    const auto bytes =
        all.context.pack(qkvsim_baseline_packed_size, qkvsim_baseline_pack, all.baseline);
    const auto size = static_cast<int64_t>(bytes.size());
    const auto copy = all.context.make(qkvsim_baseline_unpack, bytes.data(), size);
    ck_assert(all.context.pack(qkvsim_baseline_packed_size, qkvsim_baseline_pack, copy) == bytes);
    const caught cut([&] { all.context.make(qkvsim_baseline_unpack, bytes.data(), size - 1); });
    ck_assert_int_eq(cut.status, QKVSIM_ERROR_INVALID_ARGUMENT);
    const caught other([&] { all.context.make(qkvsim_layout_unpack, bytes.data(), size); });
    ck_assert_int_eq(other.status, QKVSIM_ERROR_INVALID_ARGUMENT);
    const caught none([&] {
        all.context.pack(qkvsim_layout_packed_size, qkvsim_layout_pack, qkvsim::layout(nullptr));
    });
    ck_assert_int_eq(none.status, QKVSIM_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(every_kind_comes_back_from_its_bytes)
{
    counter memory;
    const every_kind all(&memory);
    const auto comes_back = [&](const auto &handle, auto size_of, auto pack, auto unpack) {
        const auto bytes = all.context.pack(size_of, pack, handle);
        const auto size = static_cast<int64_t>(bytes.size());
        const auto copy = all.context.make(unpack, bytes.data(), size);
        ck_assert(all.context.pack(size_of, pack, copy) == bytes);
    };
    comes_back(all.layout, qkvsim_layout_packed_size, qkvsim_layout_pack, qkvsim_layout_unpack);
    comes_back(all.analysis, qkvsim_analysis_packed_size, qkvsim_analysis_pack,
               qkvsim_analysis_unpack);
    comes_back(all.comparison, qkvsim_comparison_packed_size, qkvsim_comparison_pack,
               qkvsim_comparison_unpack);
    comes_back(all.intervals, qkvsim_intervals_packed_size, qkvsim_intervals_pack,
               qkvsim_intervals_unpack);
    comes_back(all.accumulator, qkvsim_accumulator_packed_size, qkvsim_accumulator_pack,
               qkvsim_accumulator_unpack);
}
END_TEST

START_TEST(pieces_are_merged)
{
    counter memory;
    const every_kind all(&memory);
    const auto first = all.make_baseline(0, 2), rest = all.make_baseline(2, 3);
    const qkvsim_baseline *const pieces[] = { rest, first };
    const auto merged = all.context.make(qkvsim_baseline_merge, pieces, 2);
    ck_assert(all.context.pack(qkvsim_baseline_packed_size, qkvsim_baseline_pack, merged)
              == all.context.pack(qkvsim_baseline_packed_size, qkvsim_baseline_pack, all.baseline));
    const caught gap([&] { all.context.make(qkvsim_baseline_merge, pieces, 0); });
    ck_assert_int_eq(gap.status, QKVSIM_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(streams_add_up)
{
    counter memory;
    const every_kind all(&memory);
    const auto twice = all.context.make(qkvsim_accumulator_create, d, nullptr);
    all.context.call(qkvsim_accumulator_update, twice, everything);
    all.context.call(qkvsim_accumulator_merge, twice, all.accumulator);
    ck_assert_int_eq(twice.ask(qkvsim_accumulator_observations), 2 * n);
    const auto analysis = all.context.make(qkvsim_accumulator_analysis, twice, all.layout, nullptr);
    ck_assert(std::fabs(analysis.ask(qkvsim_analysis_statistic, "Q-K", COSINE, MEAN)
                        - all.analysis.ask(qkvsim_analysis_statistic, "Q-K", COSINE, MEAN))
              < 1e-6);
    qkvsim::sized<qkvsim_pairs_options> options;
    options.top = 2;
    const auto pairs = all.context.make(qkvsim_accumulator_pairs, twice, all.layout, options);
    ck_assert_int_eq(pairs.ask(qkvsim_pairs_list).size(), 2);
}
END_TEST

START_TEST(pair_groups_are_dealt_to_pieces)
{
    counter memory;
    const every_kind all(&memory);
    std::int32_t numbers[6], count = 0, dealt = 0;
    for (std::int32_t piece = 0; piece < 3; piece++) {
        all.context.call(qkvsim_layout_piece_pair_groups, all.layout, piece, 3, &numbers[0], 6,
                         &count);
        dealt += count;
    }
    ck_assert_int_eq(dealt, 6);
}
END_TEST

} // namespace

int main()
{
    Suite *const suite = suite_create("cpp");
    TCase *const laws = tcase_create("qkvsim.hpp");
    const TTest *const tests[] = { every_handle_is_freed_once,
                                   answers_are_those_of_c,
                                   rows_have_names_and_numbers,
                                   arrays_are_spans_and_whole_rows,
                                   a_part_keeps_the_whole,
                                   a_part_cannot_be_changed,
                                   errors_carry_status_and_text,
                                   contexts_that_cannot_be_made_say_why,
                                   what_was_moved_from_throws_and_does_not_crash,
                                   what_a_callback_throws_comes_out_of_the_call,
                                   a_call_that_succeeds_all_the_same_throws_and_leaks_nothing,
                                   false_cancels,
                                   elements_have_the_type_of_their_pointer,
                                   parts_strides_and_selections_are_those_of_c,
                                   matrices_are_written,
                                   handles_come_back_from_their_bytes,
                                   every_kind_comes_back_from_its_bytes,
                                   pieces_are_merged,
                                   streams_add_up,
                                   pair_groups_are_dealt_to_pieces };
    for (const TTest *test : tests)
        tcase_add_test(laws, test);
    tcase_set_timeout(laws, 300);
    suite_add_tcase(suite, laws);
    SRunner *const runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
