/* packed.h: every kind of result to bytes and back, and what is said of bytes that are no
 * result. */
#include <qkvsim/analysis.h>
#include <qkvsim/packed.h>

#include "fixtures.h"
#include "packed_kinds.h"
#include "suite_context.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const packed_kind *kind;
static void *object;

/* A packed object; `size` bytes. */
typedef struct packed {
    unsigned char *bytes;
    int64_t size;
} packed;

static packed pack_object(const void *made)
{
    packed result = { .size = kind->packed_size(made) };
    result.bytes = malloc((size_t)result.size);
    assert_ok(context, kind->pack(context, made, result.bytes, result.size));
    return result;
}

static void take_kind(int number)
{
    kind = &packed_kinds[number];
    object = kind->make(context);
}

static void leave_kind(void)
{
    kind->free(object);
    object = NULL;
}

/* ---- there and back ---- */

START_TEST(an_unpacked_result_gives_the_same_answers)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    void *copy = NULL;
    assert_ok(context, kind->unpack(context, bytes.bytes, bytes.size, &copy));
    fingerprint a = kind->answers(object), b = kind->answers(copy);
    ck_assert_int_eq(a.count, b.count);
    ck_assert_int_gt(a.count, 0);
    for (int64_t k = 0; k < a.count; k++)
        ck_assert_msg((isnan(a.numbers[k]) && isnan(b.numbers[k]))
                          || memcmp(&a.numbers[k], &b.numbers[k], sizeof *a.numbers) == 0,
                      "%s: answer %ld is %.17g and not %.17g", kind->name, (long)k, b.numbers[k],
                      a.numbers[k]);
    fingerprint_free(&a);
    fingerprint_free(&b);
    kind->free(copy);
    free(bytes.bytes);
    leave_kind();
}
END_TEST

START_TEST(an_unpacked_result_packs_to_the_same_bytes)
{
    take_kind(_i);
    packed bytes = pack_object(object), again = pack_object(object);
    ck_assert_int_eq(bytes.size, again.size);
    ck_assert(memcmp(bytes.bytes, again.bytes, (size_t)bytes.size) == 0);
    void *copy = NULL;
    assert_ok(context, kind->unpack(context, bytes.bytes, bytes.size, &copy));
    packed third = pack_object(copy);
    ck_assert_int_eq(bytes.size, third.size);
    ck_assert(memcmp(bytes.bytes, third.bytes, (size_t)bytes.size) == 0);
    kind->free(copy);
    free(bytes.bytes);
    free(again.bytes);
    free(third.bytes);
    leave_kind();
}
END_TEST

START_TEST(a_buffer_says_what_it_is)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    qkvsim_kind found = 0;
    int64_t size = 0;
    assert_ok(context,
              qkvsim_packed_kind(context, bytes.bytes, QKVSIM_PACKED_HEADER, &found, &size));
    ck_assert_int_eq(found, kind->kind);
    ck_assert_int_eq(size, bytes.size);
    assert_ok(context, qkvsim_packed_kind(context, bytes.bytes, bytes.size, &found, NULL));
    assert_status(context,
                  qkvsim_packed_kind(context, bytes.bytes, QKVSIM_PACKED_HEADER - 1, &found, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, QKVSIM_PACKED_HEADER - 1);
    assert_status(context, qkvsim_packed_kind(context, NULL, 32, &found, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_packed_kind(context, bytes.bytes, 32, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_packed_kind(NULL, bytes.bytes, 32, &found, NULL),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    free(bytes.bytes);
    leave_kind();
}
END_TEST

/* Any alignment will do. */
START_TEST(buffers_need_no_alignment)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    unsigned char *odd = malloc((size_t)bytes.size + 3);
    assert_ok(context, kind->pack(context, object, odd + 3, bytes.size));
    ck_assert(memcmp(bytes.bytes, odd + 3, (size_t)bytes.size) == 0);
    void *copy = NULL;
    assert_ok(context, kind->unpack(context, odd + 3, bytes.size, &copy));
    kind->free(copy);
    free(odd);
    free(bytes.bytes);
    leave_kind();
}
END_TEST

/* ---- what is left out ---- */

enum { PARTS = 3, PART = 6, MANY_GROUPS = 300 };

/* Three groups of six features each, and all of their pair groups or the one of the first two. */
static qkvsim_analysis *analysis_of(int32_t metrics, const int32_t *pair_group)
{
    static const int64_t widths[PARTS] = { PART, PART, PART };
    const qkvsim_analysis_options options = { .struct_size = sizeof options,
                                              .metrics = metrics,
                                              .pair_groups = pair_group,
                                              .pair_group_count = pair_group != NULL };
    table data = table_normal(20, PARTS * PART, 5);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = NULL;
    qkvsim_analysis *analysis = NULL;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, PARTS, &layout));
    assert_ok(context,
              qkvsim_analysis_run(context, INPUT(&input.view, 1), layout, &options, &analysis));
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    return analysis;
}

/* Bytes of docs/format.md: five pair groups, a group and its features. */
START_TEST(what_was_not_computed_takes_no_bytes)
{
    static const int32_t of_two = 1;
    const int32_t metrics[] = { QKVSIM_METRIC_PEARSON, METRICS_SUM };
    for (int k = 0; k < 2; k++) {
        qkvsim_analysis *all = analysis_of(metrics[k], NULL),
                        *one = analysis_of(metrics[k], &of_two);
        const int64_t a_metric = 8 * qkvsim_analysis_bins(all) + 2 * 8 + 6 * 8;
        const int64_t a_row = k == 0 ? a_metric : 3 * a_metric + 8 * 8;
        ck_assert_int_eq(qkvsim_analysis_packed_size(all) - qkvsim_analysis_packed_size(one),
                         5 * a_row + 8 * (PART + 1));
        qkvsim_analysis_free(all);
        qkvsim_analysis_free(one);
    }
}
END_TEST

/* Groups beyond 256 have numbers of two bytes. */
START_TEST(layouts_of_many_groups_come_back)
{
    int64_t widths[MANY_GROUPS];
    for (int g = 0; g < MANY_GROUPS; g++)
        widths[g] = 1 + g % 2;
    for (int32_t groups = 256; groups <= MANY_GROUPS; groups += MANY_GROUPS - 256) {
        qkvsim_layout *layout = NULL, *copy = NULL;
        assert_ok(context, qkvsim_layout_widths(context, widths, NULL, groups, &layout));
        kind = &packed_kinds[0];
        packed bytes = pack_object(layout);
        assert_ok(context, qkvsim_layout_unpack(context, bytes.bytes, bytes.size, &copy));
        for (int64_t j = 0; j < qkvsim_layout_features(layout); j++)
            ck_assert_int_eq(qkvsim_layout_group_of(copy)[j], qkvsim_layout_group_of(layout)[j]);
        qkvsim_layout_free(layout);
        qkvsim_layout_free(copy);
        free(bytes.bytes);
    }
}
END_TEST

/* ---- what is refused ---- */

START_TEST(nulls_and_small_buffers_are_refused)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    void *copy = POISON_HANDLE;
    unsigned char *buffer = poisoned((size_t)bytes.size);
    ck_assert_int_eq(kind->packed_size(NULL), 0);
    assert_status(context, kind->pack(context, NULL, buffer, bytes.size),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, kind->pack(context, object, NULL, bytes.size),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    const int64_t small[] = { bytes.size - 1, 0, -1, INT64_MIN };
    for (int k = 0; k < 4; k++) {
        assert_status(context, kind->pack(context, object, buffer, small[k]),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has_number(context, bytes.size);
    }
    assert_poisoned(buffer, (size_t)bytes.size);
    assert_status(context, kind->unpack(context, NULL, bytes.size, &copy),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, kind->unpack(context, bytes.bytes, bytes.size, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(kind->pack(NULL, object, buffer, bytes.size), QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(kind->unpack(NULL, bytes.bytes, bytes.size, &copy),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(copy, POISON_HANDLE);
    free(buffer);
    free(bytes.bytes);
    leave_kind();
}
END_TEST

static void assert_refused(const unsigned char *bytes, int64_t size, qkvsim_status expected)
{
    void *copy = POISON_HANDLE;
    const qkvsim_status status = kind->unpack(context, bytes, size, &copy);
    if (status != expected || copy != POISON_HANDLE || qkvsim_context_error(context)[0] == '\0')
        ck_abort_msg("%s of %ld bytes: %s: %s", kind->name, (long)size, qkvsim_status_name(status),
                     qkvsim_context_error(context));
}

START_TEST(every_other_size_is_refused)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    unsigned char *longer = calloc(1, (size_t)bytes.size + 64);
    memcpy(longer, bytes.bytes, (size_t)bytes.size);
    for (int64_t size = -1; size < bytes.size + 64; size++) {
        if (size == bytes.size)
            continue;
        unsigned char *cut =
            malloc(size > 0 ? (size_t)size : 1); /* so that no byte behind is read */
        memcpy(cut, longer, size > 0 ? (size_t)size : 0);
        assert_refused(cut, size, QKVSIM_ERROR_INVALID_ARGUMENT);
        free(cut);
    }
    free(longer);
    free(bytes.bytes);
    leave_kind();
}
END_TEST

enum { VERSION_AT = 8, KIND_AT = 12, SIZE_AT = 16, CHECKSUM_AT = 24, CHECKSUM_END = 28 };

/* Every byte where counts and sizes are; then those in turn that make a number's sign, size and
 * end. All of them would take the square of the size. */
enum { EVERY_BYTE = 2048 };

static int64_t next_byte(int64_t at)
{
    return at + (at < EVERY_BYTE ? 1 : 7);
}

START_TEST(every_changed_byte_is_noticed)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    /* Every bit of the first bytes, and one of each other. */
    for (int64_t at = 0; at < bytes.size; at = next_byte(at))
        for (int bit = at < 512 ? 0 : (int)(at % 8); bit < 8; bit += at < 512 ? 1 : 8) {
            bytes.bytes[at] ^= (unsigned char)(1 << bit);
            const bool version = at >= VERSION_AT && at < KIND_AT && bytes.bytes[VERSION_AT] != 0;
            assert_refused(bytes.bytes, bytes.size,
                           version ? QKVSIM_ERROR_UNSUPPORTED : QKVSIM_ERROR_INVALID_ARGUMENT);
            bytes.bytes[at] ^= (unsigned char)(1 << bit);
        }
    free(bytes.bytes);
    leave_kind();
}
END_TEST

START_TEST(another_kind_is_refused_by_name)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    for (int other = 0; other < packed_kind_count; other++) {
        void *copy = POISON_HANDLE;
        if (other == _i)
            continue;
        assert_status(context, packed_kinds[other].unpack(context, bytes.bytes, bytes.size, &copy),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has(context, kind->name);
        assert_message_has(context, packed_kinds[other].name);
        ck_assert_ptr_eq(copy, POISON_HANDLE);
    }
    free(bytes.bytes);
    leave_kind();
}
END_TEST

START_TEST(a_newer_version_is_unsupported)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    qkvsim_kind found = -1;
    bytes.bytes[VERSION_AT]++;
    packed_set_checksum(bytes.bytes, bytes.size);
    assert_refused(bytes.bytes, bytes.size, QKVSIM_ERROR_UNSUPPORTED);
    assert_message_has_number(context, bytes.bytes[VERSION_AT]);
    assert_status(context, qkvsim_packed_kind(context, bytes.bytes, bytes.size, &found, NULL),
                  QKVSIM_ERROR_UNSUPPORTED);
    ck_assert_int_eq(found, -1);
    free(bytes.bytes);
    leave_kind();
}
END_TEST

START_TEST(a_version_before_the_first_release_is_unsupported)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    bytes.bytes[VERSION_AT] = 1;
    packed_set_checksum(bytes.bytes, bytes.size);
    assert_refused(bytes.bytes, bytes.size, QKVSIM_ERROR_UNSUPPORTED);
    assert_message_has(context, "version 1");
    free(bytes.bytes);
    leave_kind();
}
END_TEST

/* ---- bytes that only look sound ---- */

/* Where the numbers of a section begin. */
static unsigned char *find_section(const packed *bytes, const char *tag)
{
    for (int64_t at = QKVSIM_PACKED_HEADER; at < bytes->size; at += 8)
        if (memcmp(bytes->bytes + at, tag, 4) == 0)
            return bytes->bytes + at + 16;
    ck_abort_msg("no section %s", tag);
}

/* A row that is said to be there has no numbers, and one that is not has some: a group would be
 * there too, or be gone. */
START_TEST(rows_that_contradict_their_numbers_are_refused)
{
    kind = &packed_kinds[1];
    for (int32_t row = 0; row < PARTS * (PARTS + 1) / 2; row++) {
        static const int32_t of_two = 1;
        object = analysis_of(METRICS_SUM, &of_two);
        packed bytes = pack_object(object);
        find_section(&bytes, "WANT")[row] ^= 1;
        packed_set_checksum(bytes.bytes, bytes.size);
        assert_refused(bytes.bytes, bytes.size, QKVSIM_ERROR_INVALID_ARGUMENT);
        free(bytes.bytes);
        leave_kind();
    }
}
END_TEST

/* Refused with a reason, or a result that can be asked everything: sanitizers see the rest. */
static bool is_taken(const unsigned char *bytes, int64_t size)
{
    void *copy = POISON_HANDLE;
    const qkvsim_status status = kind->unpack(context, bytes, size, &copy);
    if (status != QKVSIM_OK) {
        if (copy != POISON_HANDLE || qkvsim_context_error(context)[0] == '\0')
            ck_abort_msg("%s: a refused result was touched, or for no reason", kind->name);
        return false;
    }
    fingerprint answers = kind->answers(copy);
    fingerprint_free(&answers);
    kind->free(copy);
    return true;
}

START_TEST(changes_under_a_right_checksum_are_refused_or_taken)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    int64_t taken = 0;
    for (int64_t at = QKVSIM_PACKED_HEADER; at < bytes.size; at = next_byte(at)) {
        static const unsigned char changes[] = { 0x01, 0x80, 0xff };
        const bool every = at < EVERY_BYTE; /* change; else they take turns */
        for (int c = every ? 0 : (int)(at % 3), last = every ? 2 : c; c <= last; c++) {
            bytes.bytes[at] ^= changes[c];
            packed_set_checksum(bytes.bytes, bytes.size);
            taken += is_taken(bytes.bytes, bytes.size);
            bytes.bytes[at] ^= changes[c];
        }
    }
    ck_assert_int_gt(taken, 0); /* numbers that are as good as those that were there */
    free(bytes.bytes);
    leave_kind();
}
END_TEST

/* Every count of a section is one of these words. */
START_TEST(words_that_overflow_are_refused_or_taken)
{
    static const uint64_t words[] = { 0,          1,          UINT64_MAX,      1ull << 63,
                                      INT64_MAX,  1ull << 61, 1ull << 60,      1ull << 32,
                                      1ull << 31, INT32_MAX,  0x7ff8ull << 48, 0x7ff0ull << 48 };
    take_kind(_i);
    packed bytes = pack_object(object);
    for (int64_t at = QKVSIM_PACKED_HEADER; at < (bytes.size < 4096 ? bytes.size : 4096); at += 8)
        for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
            unsigned char kept[8];
            memcpy(kept, bytes.bytes + at, 8);
            for (int k = 0; k < 8; k++)
                bytes.bytes[at + k] = (unsigned char)(words[w] >> (8 * k));
            packed_set_checksum(bytes.bytes, bytes.size);
            is_taken(bytes.bytes, bytes.size);
            memcpy(bytes.bytes + at, kept, 8);
        }
    free(bytes.bytes);
    leave_kind();
}
END_TEST

/* The header's size agrees with what there is, and sections are missing. */
START_TEST(cuts_under_a_right_checksum_are_refused)
{
    take_kind(_i);
    packed bytes = pack_object(object);
    for (int64_t size = QKVSIM_PACKED_HEADER; size < bytes.size; size += 8) {
        unsigned char *cut = malloc((size_t)size);
        memcpy(cut, bytes.bytes, (size_t)size);
        for (int k = 0; k < 8; k++)
            cut[SIZE_AT + k] = (unsigned char)((uint64_t)size >> (8 * k));
        packed_set_checksum(cut, size);
        assert_refused(cut, size, QKVSIM_ERROR_INVALID_ARGUMENT);
        free(cut);
    }
    free(bytes.bytes);
    leave_kind();
}
END_TEST

/* ---- memory ---- */

static packed whole;

static qkvsim_status unpack_and_free(qkvsim_context *failing, void *argument)
{
    void *copy = POISON_HANDLE;
    const qkvsim_status status = kind->unpack(failing, whole.bytes, whole.size, &copy);
    (void)argument;
    if (status == QKVSIM_OK)
        kind->free(copy);
    else
        ck_assert_ptr_eq(copy, POISON_HANDLE);
    return status;
}

START_TEST(unpacking_survives_failing_allocations)
{
    take_kind(_i);
    whole = pack_object(object);
    assert_survives_failing_allocations(unpack_and_free, NULL);
    free(whole.bytes);
    leave_kind();
}
END_TEST

/* ---- files of this version ---- */

/* Of a kind that is new, with QKVSIM_WRITE_PACKED set. Files that are there stay: they are what an
 * earlier release wrote. */
static void write_kept(const char *path)
{
    FILE *file = fopen(path, "wxb");
    if (file == NULL)
        return;
    object = kind->make(context);
    packed bytes = pack_object(object);
    ck_assert_uint_eq(fwrite(bytes.bytes, 1, (size_t)bytes.size, file), (size_t)bytes.size);
    fclose(file);
    free(bytes.bytes);
    leave_kind();
}

START_TEST(files_that_are_kept_open)
{
    kind = &packed_kinds[_i];
    char path[512];
    snprintf(path, sizeof path, "%s/%s-2.qkv", TEST_PACKED_DIRECTORY, kind->name);
    if (getenv("QKVSIM_WRITE_PACKED") != NULL)
        write_kept(path);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "no file %s", path);
    unsigned char *bytes = malloc(1 << 20);
    const int64_t size = (int64_t)fread(bytes, 1, 1 << 20, file);
    fclose(file);
    void *copy = NULL;
    assert_ok(context, kind->unpack(context, bytes, size, &copy));
    ck_assert_int_eq(kind->packed_size(copy), size);
    packed again = pack_object(copy);
    ck_assert(memcmp(bytes, again.bytes, (size_t)size) == 0);
    kind->check_kept(copy);
    kind->free(copy);
    free(again.bytes);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("packed");
    TCase *back = add_case(suite, "there and back", make_context, free_context);
    TCase *refused = add_case(suite, "refused", make_context, free_context);
    TCase *files = add_case(suite, "files", make_context, free_context);
    const int kinds = packed_kind_count;
    tcase_add_loop_test(back, an_unpacked_result_gives_the_same_answers, 0, kinds);
    tcase_add_loop_test(back, an_unpacked_result_packs_to_the_same_bytes, 0, kinds);
    tcase_add_loop_test(back, a_buffer_says_what_it_is, 0, kinds);
    tcase_add_loop_test(back, buffers_need_no_alignment, 0, kinds);
    tcase_add_test(back, what_was_not_computed_takes_no_bytes);
    tcase_add_test(back, layouts_of_many_groups_come_back);
    tcase_add_loop_test(refused, nulls_and_small_buffers_are_refused, 0, kinds);
    tcase_add_loop_test(refused, every_other_size_is_refused, 0, kinds);
    tcase_add_loop_test(refused, every_changed_byte_is_noticed, 0, kinds);
    tcase_add_loop_test(refused, another_kind_is_refused_by_name, 0, kinds);
    tcase_add_loop_test(refused, a_newer_version_is_unsupported, 0, kinds);
    tcase_add_loop_test(refused, a_version_before_the_first_release_is_unsupported, 0, kinds);
    tcase_add_test(refused, rows_that_contradict_their_numbers_are_refused);
    tcase_add_loop_test(refused, changes_under_a_right_checksum_are_refused_or_taken, 0, kinds);
    tcase_add_loop_test(refused, words_that_overflow_are_refused_or_taken, 0, kinds);
    tcase_add_loop_test(refused, cuts_under_a_right_checksum_are_refused, 0, kinds);
    tcase_add_loop_test(refused, unpacking_survives_failing_allocations, 0, kinds);
    tcase_add_loop_test(files, files_that_are_kept_open, 0, kinds);
    return run_suite(suite);
}
