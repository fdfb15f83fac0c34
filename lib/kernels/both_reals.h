/*
 * One text for float and for double. Who includes this has defined TEMPLATE, the name of a file,
 * which is included twice and finds
 *
 *     REAL         float, and then double
 *     WORD         uint32_t, uint64_t: a whole number as wide
 *     NAME(name)   name_f32, name_f64
 *     IS_DOUBLE    0, 1
 *
 * There is no guard: each inclusion has another TEMPLATE.
 */
#include <stdint.h>

#define REAL float
#define WORD uint32_t
#define NAME(name) name##_f32
#define IS_DOUBLE 0
#include TEMPLATE
#undef REAL
#undef WORD
#undef NAME
#undef IS_DOUBLE

#define REAL double
#define WORD uint64_t
#define NAME(name) name##_f64
#define IS_DOUBLE 1
#include TEMPLATE
#undef REAL
#undef WORD
#undef NAME
#undef IS_DOUBLE

#undef TEMPLATE
