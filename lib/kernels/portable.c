/* The inner loops compiled for the baseline of the architecture: the specification of the others.
 */
#define KERNELS qkv_kernels_portable
#define NAME_TEXT "portable"
#include "kernels_isa.h"
