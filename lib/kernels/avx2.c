/* The inner loops compiled for x86-64 with AVX2, FMA and F16C. */
#define KERNELS qkv_kernels_avx2
#define NAME_TEXT "avx2"
#include "kernels_isa.h"
