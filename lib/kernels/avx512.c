/* The inner loops compiled for x86-64 with AVX-512 F, BW, DQ and VL. */
#define KERNELS qkv_kernels_avx512
#define NAME_TEXT "avx512"
#include "kernels_isa.h"
