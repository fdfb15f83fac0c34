/*
 * --segments: the document or window of each observation, across which no lag and no block goes.
 */
#ifndef TOOLS_SEGMENTS_H
#define TOOLS_SEGMENTS_H

#include <stdint.h>

#include "failure.h"

/* Reads as many numbers as there are observations from a text or .npy file; the array is the
 * caller's to free. */
bool segments_read(int32_t **segments, const char *path, int64_t observations,
                   struct failure *failure);

#endif
