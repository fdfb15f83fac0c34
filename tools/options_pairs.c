/*
 * The options of pairs, taken and checked against each other.
 */
#include "options_pairs.h"

#include <stdlib.h>

#include "option_values.h"
#include "text.h"

static const struct named_number signs[] = { { "both", QKVSIM_SIGN_BOTH },
                                             { "positive", QKVSIM_SIGN_POSITIVE },
                                             { "negative", QKVSIM_SIGN_NEGATIVE },
                                             { NULL, 0 } };

static const struct named_number conditions[] = { { "targets", CONDITION_TARGETS },
                                                  { "non-targets", CONDITION_OTHERS },
                                                  { NULL, 0 } };

bool take_condition(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(conditions, "--condition", value, &options->condition, failure);
}

bool take_threshold(struct options *options, char *value, struct failure *failure)
{
    char *end;
    options->threshold = strtod(value, &end);
    options->has_threshold = true;
    return (end != value && *end == '\0' && options->threshold >= -1 && options->threshold <= 1)
           || fail_usage(failure, "--threshold wants a number from -1 to 1: %s", value);
}

bool take_top(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--top", value, 1, INT64_MAX, &options->top, failure);
}

bool take_limit(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--limit", value, 1, INT64_MAX, &options->limit, failure);
}

bool take_sign(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(signs, "--sign", value, &options->sign, failure);
}

bool check_pairs(const struct options *options, struct failure *failure)
{
    if (!options->has_threshold && options->top == 0)
        return fail_usage(failure, "pairs wants --threshold V, --top K or both");
    if (options->has_threshold && options->threshold < 0 && options->sign == QKVSIM_SIGN_BOTH)
        return fail_usage(failure,
                          "--threshold %s is of |value|, from 0 to 1 (--sign negative --threshold "
                          "%s finds values of at most %s)",
                          text_number(options->threshold).text,
                          text_number(-options->threshold).text,
                          text_number(options->threshold).text);
    if (options->per_pair_group && options->top == 0)
        return fail_usage(failure, "--per-pair-group wants --top K");
    return true;
}

const char *options_condition_name(int32_t condition)
{
    return option_find_name(conditions, condition);
}

const char *options_sign_name(int32_t sign)
{
    return option_find_name(signs, sign);
}
