/* Names and versions, and the initialiser of options structs. */
#include <qkvsim/common.h>

#include <string.h>

void qkvsim_struct_init(void *options, size_t size)
{
    if (options == NULL || size < sizeof size)
        return;
    memset(options, 0, size);
    memcpy(options, &size, sizeof size);
}

const char *qkvsim_status_name(qkvsim_status status)
{
    static const char *const names[] = {
        [QKVSIM_OK] = "ok",
        [QKVSIM_ERROR_INVALID_ARGUMENT] = "invalid argument",
        [QKVSIM_ERROR_NO_MEMORY] = "out of memory",
        [QKVSIM_ERROR_TOO_LARGE] = "too large",
        [QKVSIM_ERROR_NONFINITE] = "NaN or infinity in the input",
        [QKVSIM_ERROR_AMBIGUOUS] = "ambiguous codes",
        [QKVSIM_ERROR_CANCELLED] = "cancelled",
        [QKVSIM_ERROR_UNSUPPORTED] = "unsupported",
    };
    const int32_t count = (int32_t)(sizeof names / sizeof names[0]);
    return status >= 0 && status < count ? names[status] : "unknown status";
}

int32_t qkvsim_version_number(void)
{
    return 10000 * QKVSIM_VERSION_MAJOR + 100 * QKVSIM_VERSION_MINOR + QKVSIM_VERSION_PATCH;
}

const char *qkvsim_version(void)
{
    return QKVSIM_VERSION;
}
