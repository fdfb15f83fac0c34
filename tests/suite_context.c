/* One context for a whole suite, made anew for each test: tests run in processes of their own. */
#include "suite_context.h"

qkvsim_context *context;

void make_context(void)
{
    context = context_with(2, QKVSIM_KERNELS_AUTO);
}

void free_context(void)
{
    qkvsim_context_free(context);
}
