/*
 * Finds what a reader of the results has to be told.
 */
#ifndef TOOLS_FIND_WARNINGS_H
#define TOOLS_FIND_WARNINGS_H

#include "report.h"
#include "study.h"

/* Finds what there is to say of a layer's results; false without memory. */
bool find_warnings(struct warnings *warnings, const struct report *report,
                   const struct study *study);

#endif
