/* Links where the BLAS is OpenBLAS, under whatever names: Meson tries it when it configures. */
#include "blas_names.h"

int main(void)
{
    openblas_set_num_threads(1);
    return openblas_get_config() == NULL || openblas_get_parallel() < 0;
}
