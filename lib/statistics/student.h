/* Student's t distribution with a whole number of degrees of freedom. */
#ifndef QKV_STUDENT_H
#define QKV_STUDENT_H

#include <stdint.h>

/* P(|T| >= |t|), to within a few units of the last place per term of the sum even where it is tiny.
 */
double qkv_student_two_sided(double t, int64_t degrees);

/* The t with P(|T| < t) = level, 0 < level < 1. */
double qkv_student_quantile(double level, int64_t degrees);

#endif
