/*
 * The shipped capture in memory: queries, keys and values that layer 10 of a small language model
 * computed for 1,024 tokens of Alice in Wonderland (data/README.md). Every example starts from it.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <qkvsim/qkvsim.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CAPTURE_TOKENS = 1024,
    CAPTURE_QUERIES = 576,
    CAPTURE_KEYS = 192,
    CAPTURE_VALUES = 192,
    CAPTURE_FEATURES = CAPTURE_QUERIES + CAPTURE_KEYS + CAPTURE_VALUES,
    CAPTURE_ALICE = 32 /* tokens that read " Alice" */
};

/* Static, so that an example may simply return. */
static uint16_t capture_values[CAPTURE_TOKENS * CAPTURE_FEATURES];
static int64_t capture_alice[CAPTURE_ALICE];

/* Leaves an example with the reason why. A context of NULL leaves the reason to errno. */
static inline void must(qkvsim_status status, const qkvsim_context *context, const char *what)
{
    if (status == QKVSIM_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, qkvsim_status_name(status),
            qkvsim_context_error(context));
    exit(EXIT_FAILURE);
}

static inline void must_read(int fine, const char *path)
{
    if (fine)
        return;
    fprintf(stderr, "cannot read %s: run the examples in their own folder\n", path);
    exit(EXIT_FAILURE);
}

/* All tokens, all features: float16 as the model left it. An .npy file ends with the plain
 * values. */
static inline qkvsim_view capture_view(void)
{
    const char *path = "data/smollm2-135m-layer10-qkv.npy";
    FILE *file = fopen(path, "rb");
    must_read(file && fseek(file, -(long)sizeof capture_values, SEEK_END) == 0
                  && fread(capture_values, sizeof capture_values, 1, file) == 1,
              path);
    fclose(file);
    return (qkvsim_view){ .struct_size = sizeof(qkvsim_view),
                          .data = capture_values,
                          .observations = CAPTURE_TOKENS,
                          .features = CAPTURE_FEATURES,
                          .observation_stride = CAPTURE_FEATURES,
                          .feature_stride = 1,
                          .dtype = QKVSIM_DTYPE_F16 };
}

/* The tokens " Alice". */
static inline qkvsim_selection capture_targets(void)
{
    const char *path = "data/alice-rows.txt";
    FILE *file = fopen(path, "r");
    must_read(file != NULL, path);
    for (int i = 0; i < CAPTURE_ALICE; i++) {
        long row;
        must_read(fscanf(file, "%ld", &row) == 1, path);
        capture_alice[i] = row;
    }
    fclose(file);
    return (qkvsim_selection){ .struct_size = sizeof(qkvsim_selection),
                               .observations = capture_alice,
                               .count = CAPTURE_ALICE };
}

#endif
