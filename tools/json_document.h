/*
 * The frame of the program's JSON: what made it, and what each of its layers was read from.
 */
#ifndef TOOLS_JSON_DOCUMENT_H
#define TOOLS_JSON_DOCUMENT_H

#include "input.h"
#include "json.h"

/* What stands before the layer of a number 0, 1, ...: the document's beginning, or what parts it
 * from the layer before; and what stands behind the last. */
bool json_document_next(FILE *stream, const struct options *options, int number,
                        struct failure *failure);
void json_document_end(FILE *stream);

/* A layer's input: its size, and of each part file, tensor, type and features. */
json_t *json_input(int64_t observations, const struct part_source *sources,
                   const struct input *input);

#endif
