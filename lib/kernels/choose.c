/* Chooses the inner loops for this processor, or the ones a test asks for. */
#include "kernels.h"

#include <qkvsim/context.h>

#ifdef QKV_HAVE_X86_KERNELS
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static const qkv_kernels *fastest(void)
{
    return has_avx512() ? &qkv_kernels_avx512
           : has_avx2() ? &qkv_kernels_avx2
                        : &qkv_kernels_portable;
}
#else
static const qkv_kernels *fastest(void)
{
    return &qkv_kernels_portable;
}
#endif

const qkv_kernels *qkv_kernels_choose(int32_t choice)
{
    switch (choice) {
    case QKVSIM_KERNELS_AUTO:
        return fastest();
    case QKVSIM_KERNELS_PORTABLE:
        return &qkv_kernels_portable;
#ifdef QKV_HAVE_X86_KERNELS
    case QKVSIM_KERNELS_AVX2:
        return has_avx2() ? &qkv_kernels_avx2 : NULL;
    case QKVSIM_KERNELS_AVX512:
        return has_avx512() ? &qkv_kernels_avx512 : NULL;
#endif
    default:
        return NULL;
    }
}
