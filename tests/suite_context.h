/* The context in which most suites call the library, and the fixture that makes it for each
 * test. */
#ifndef TESTS_SUITE_CONTEXT_H
#define TESTS_SUITE_CONTEXT_H

#include "support.h"

extern qkvsim_context *context;

void make_context(void);
void free_context(void);

#endif
