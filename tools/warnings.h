/*
 * What a reader of the results has to be told, though nothing failed.
 */
#ifndef TOOLS_WARNINGS_H
#define TOOLS_WARNINGS_H

#include <stdbool.h>

enum { WARNINGS_MAX = 16, WARNING_SIZE = 400 };

struct warning {
    const char *code; /* for scripts */
    bool in_table;    /* else of what only JSON and CSV show */
    char text[WARNING_SIZE];
};

struct warnings {
    struct warning items[WARNINGS_MAX];
    int count;
    int of_data; /* from here on they are of the data, and not of the results alone */
};

#endif
