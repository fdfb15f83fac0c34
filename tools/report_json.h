/*
 * A report as JSON.
 */
#ifndef TOOLS_REPORT_JSON_H
#define TOOLS_REPORT_JSON_H

#include "json.h"
#include "report.h"

/* One element of "layers". */
json_t *json_layer(const struct report *report);

#endif
