/**
 * @file qkvsim.hpp
 * qkvsim for C++17: three verbs, make, call and ask, that take C's functions. A header, no ABI.
 *
 *     const qkvsim::context context;
 *     const qkvsim::view activations(x, 1024, 2304); // x: float *, double *, float16 *, bfloat16 *
 *     const qkvsim::input input(activations);
 *     const auto layout = context.make(qkvsim_layout_thirds, 2304);
 *     const auto analysis = context.make(qkvsim_analysis_run, input, layout, nullptr);
 *     analysis.ask(qkvsim_analysis_statistic, "Q-K", QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN);
 *
 * What fails throws qkvsim::error. What goes in is borrowed, and what comes out frees itself.
 */
#ifndef QKVSIM_QKVSIM_HPP
#define QKVSIM_QKVSIM_HPP

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <qkvsim/qkvsim.h>

namespace qkvsim
{
/** A call that failed: its status, and what() says why. */
struct error : std::runtime_error {
    qkvsim_status status;
    error(qkvsim_status code, const std::string &text) : runtime_error(text), status(code) {}
};

/** Elements that somebody else owns: a result, or a container that has a name. */
template <class T> class span
{
    using pointer = T *;
    pointer first;
    int64_t count;

  public:
    span(T *data, int64_t size) : first(data), count(data != nullptr ? size : 0) {}
    template <class C, class = decltype(pointer{ std::data(std::declval<C &>()) })> span(C &all)
        : span(std::data(all), static_cast<int64_t>(std::size(all)))
    {
    }
    T *data() const { return first; }
    int64_t size() const { return count; }
    T *begin() const { return first; }
    T *end() const { return first + count; }
    T &operator[](int64_t i) const { return first[i]; }
};

enum class float16 : uint16_t {};  /**< the bits of an IEEE 754 binary16 */
enum class bfloat16 : uint16_t {}; /**< the upper half of a binary32's */

/** QKVSIM_DTYPE_* of a type of elements. */
template <class T> inline constexpr qkvsim_dtype dtype_of = T::is_no_type_of_elements;
template <> inline constexpr qkvsim_dtype dtype_of<float16> = QKVSIM_DTYPE_F16;
template <> inline constexpr qkvsim_dtype dtype_of<bfloat16> = QKVSIM_DTYPE_BF16;
template <> inline constexpr qkvsim_dtype dtype_of<float> = QKVSIM_DTYPE_F32;
template <> inline constexpr qkvsim_dtype dtype_of<double> = QKVSIM_DTYPE_F64;
template <> inline constexpr qkvsim_dtype dtype_of<int32_t> = QKVSIM_DTYPE_I32;

/** A struct of C's, such as sized<qkvsim_baseline_options>: all but its size is 0, the default. */
template <class Struct> struct sized : Struct {
    sized() : Struct{} { this->struct_size = sizeof(Struct); }
    operator const Struct *() const { return this; } /**< as C takes it */
};

/** Memory that is read: n x d, row-major until its strides are set. */
struct view : sized<qkvsim_view> {
    template <class T> view(const T *from, int64_t n, int64_t d)
    {
        data = from, dtype = dtype_of<T>, observations = n, features = d;
        observation_stride = d, feature_stride = 1;
    }
};
static_assert(sizeof(view) == sizeof(qkvsim_view), "parts are an array of C's");

/** Memory that is written, row-major. */
struct matrix : sized<qkvsim_matrix> {
    template <class T> matrix(T *to, int64_t height, int64_t width)
    {
        data = to, dtype = dtype_of<T>, rows = height, columns = leading_dimension = width;
    }
};

/** Observations by their numbers, or by a mask of a byte for each. */
struct selection : sized<qkvsim_selection> {
    explicit selection(span<const int64_t> in) { observations = in.data(), count = in.size(); }
    explicit selection(span<const uint8_t> in) { mask = in.data(), count = in.size(); }
};

/** One part or several; the rest is set as in C: `input.selection = targets`. */
struct input : sized<qkvsim_input> {
    explicit input(const view &part) { parts = &part, part_count = 1; }
    explicit input(view &&) = delete; /* it would be gone before the call */
    explicit input(span<const view> all) { parts = all.data(), part_count = all.size(); }
};

/** What frees a kind of handle: with a name for it below, what a new kind needs. */
template <class C> inline constexpr auto free_of = nullptr;
template <> inline constexpr auto free_of<qkvsim_layout> = qkvsim_layout_free;
template <> inline constexpr auto free_of<qkvsim_analysis> = qkvsim_analysis_free;
template <> inline constexpr auto free_of<qkvsim_accumulator> = qkvsim_accumulator_free;
template <> inline constexpr auto free_of<qkvsim_baseline> = qkvsim_baseline_free;
template <> inline constexpr auto free_of<qkvsim_comparison> = qkvsim_comparison_free;
template <> inline constexpr auto free_of<qkvsim_intervals> = qkvsim_intervals_free;
template <> inline constexpr auto free_of<qkvsim_pairs> = qkvsim_pairs_free;

/** A handle of C's, freed with its last copy; NULL once moved from. */
template <class C> class handle
{
    std::shared_ptr<const C> held;
    C *own = nullptr; /* NULL in a part of another */
    static auto layout_of(const qkvsim_layout *of) { return of; }
    static auto layout_of(const qkvsim_analysis *of) { return qkvsim_analysis_layout(of); }
    template <class Of> static auto layout_of(const Of *of) { return layout_of(observed(of)); }
    static auto observed(const qkvsim_baseline *of) { return qkvsim_baseline_observed(of); }
    static auto observed(const qkvsim_comparison *of) { return qkvsim_comparison_first(of); }
    static auto observed(const qkvsim_intervals *of) { return qkvsim_intervals_observed(of); }
    int32_t row(const char *name) const { return row(std::string(name != nullptr ? name : "")); }
    int32_t row(const std::string &name) const
    {
        const auto *const layout = layout_of(held.get());
        for (int32_t at = 0; at < qkvsim_layout_rows(layout); at++)
            if (name == qkvsim_layout_row_name(layout, at))
                return at;
        throw error(QKVSIM_ERROR_INVALID_ARGUMENT, "no row has the name " + name);
    }
    template <class Q> Q row(Q question) const { return question; }
    auto kept(const qkvsim_layout *part) const { return handle<qkvsim_layout>(held, part); }
    auto kept(const qkvsim_analysis *part) const { return handle<qkvsim_analysis>(held, part); }
    template <class R> R kept(R answer) const { return answer; }

  public:
    explicit handle(C *made) : held(made, free_of<C>), own(made) {}
    handle(const std::shared_ptr<const void> &whole, const C *part) : held(whole, part) {}
    const qkvsim_layout *layout() const { return layout_of(held.get()); }
    operator const C *() const { return held.get(); }
    operator C *() const { return held != nullptr ? own : nullptr; }

    /** Asks an accessor of C's. Rows may be named; arrays become spans, parts keep the whole. */
    template <class R, class... P, class... A>
    auto ask(R (*accessor)(const C *, P...), const A &...question) const
    {
        if constexpr (sizeof...(P) == sizeof...(A) + 1) {
            std::remove_pointer_t<std::tuple_element_t<sizeof...(A), std::tuple<P...>>> size = 0;
            const R data = accessor(*this, row(question)..., &size);
            return span(data, size);
        } else if constexpr (sizeof...(P) == sizeof...(A) + 2) {
            int32_t rows = 0;
            int64_t bins = 0;
            const R data = accessor(*this, row(question)..., &rows, &bins);
            return span(data, rows * bins);
        } else {
            return kept(accessor(*this, row(question)...));
        }
    }
};

using layout = handle<qkvsim_layout>;
using analysis = handle<qkvsim_analysis>;
using accumulator = handle<qkvsim_accumulator>;
using baseline = handle<qkvsim_baseline>;
using comparison = handle<qkvsim_comparison>;
using intervals = handle<qkvsim_intervals>;
using pairs = handle<qkvsim_pairs>;

/** What calls share; one thread at a time. NULL once moved from. */
class context
{
    struct state {
        qkvsim_context *made = nullptr;
        std::function<bool(int64_t, int64_t)> progress;
        std::exception_ptr thrown;
        ~state() { qkvsim_context_free(made); }
    };
    std::unique_ptr<state> own = std::make_unique<state>();
    static int32_t tick(void *user, int64_t done, int64_t total) noexcept
    {
        state &to = *static_cast<state *>(user);
        try {
            return to.thrown == nullptr && to.progress(done, total) ? 0 : 1;
        } catch (...) {
            to.thrown = std::current_exception();
            return 1;
        }
    }
    void settle(qkvsim_status status) const
    {
        if (own != nullptr && own->thrown != nullptr)
            std::rethrow_exception(std::exchange(own->thrown, nullptr));
        if (status != QKVSIM_OK)
            throw error(status, own != nullptr ? qkvsim_context_error(*this) : "context is NULL");
    }

  public:
    explicit context(sized<qkvsim_context_options> options = {})
    {
        char text[512] = "";
        options.error = text, options.error_size = sizeof text;
        if (const qkvsim_status status = qkvsim_context_create(options, &own->made))
            throw error(status, text);
    }
    operator qkvsim_context *() const { return own != nullptr ? own->made : nullptr; }
    /** It gets (done, total) and returns false to cancel. What it throws comes out of the call. */
    void set_progress(std::function<bool(int64_t, int64_t)> progress) const
    {
        qkvsim_context_set_progress(*this, progress ? tick : nullptr, own.get());
        if (own != nullptr)
            own->progress = std::move(progress);
    }
    /** Calls a function of C's that takes a context. */
    template <class F, class... A> void call(F *function, const A &...arguments) const
    {
        settle(function(*this, arguments...));
    }
    /** Calls one that makes a handle, at its end. */
    template <class... P, class... A>
    auto make(qkvsim_status (*function)(qkvsim_context *, P...), const A &...arguments) const
    {
        std::remove_pointer_t<std::tuple_element_t<sizeof...(A), std::tuple<P...>>> made = nullptr;
        const qkvsim_status status = function(*this, arguments..., &made);
        handle result(made);
        settle(status);
        return result;
    }
    /** Calls one that writes each row's number of a result, such as qkvsim_analysis_statistics. */
    template <class F, class C, class... A>
    auto rows(F *function, const handle<C> &of, const A &...question) const
    {
        std::vector<double> values(static_cast<std::size_t>(qkvsim_layout_rows(of.layout())));
        call(function, of, question..., values.data(), static_cast<int64_t>(values.size()));
        return values;
    }
    /** The bytes that X_pack writes, as many as X_packed_size says. */
    template <class S, class F, class C> auto pack(S *size, F *write, const handle<C> &of) const
    {
        std::vector<unsigned char> bytes(static_cast<std::size_t>(size(of)));
        call(write, of, bytes.data(), static_cast<int64_t>(bytes.size()));
        return bytes;
    }
};
} // namespace qkvsim
#endif
