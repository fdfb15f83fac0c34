/*
 * Files of other formats, told by their first bytes, or by their name where the format has none.
 */
#include "foreign_file.h"

#include <string.h>

#include "text.h"

#define TO_SAFETENSORS "save its tensors with safetensors.torch.save_file, or one with numpy.save"

static const struct signature {
    const char *bytes;
    size_t size;
    const char *what;
} signatures[] = {
    { "\x93NUMPY", 6, "an .npy file (give it a name that ends in .npy)" },
    { "version https://git-lfs", 23,
      "a Git LFS pointer, and not the file itself (git lfs pull fetches it)" },
    { "\x89QKVRUN\n", 8,
      "a state or result of qkvsim (analyze, merge and info read it, as a file and not from a "
      "pipe)" },
    { "GGUF", 4,
      "a GGUF model (it holds weights: capture activations and save them with numpy.save)" },
    { "\x89HDF\r\n\x1a\n", 8,
      "an HDF5 file (read it with h5py and save the array with numpy.save)" },
};

/* A zip file's first member names the library that wrote it. */
static const char *zip_archive(const uint8_t *bytes, size_t size)
{
    enum { NAME_SIZE_AT = 26, NAME_AT = 30 };
    if (size < NAME_AT || memcmp(bytes, "PK\x03\x04", 4) != 0)
        return NULL;
    size_t length = (size_t)bytes[NAME_SIZE_AT] | (size_t)bytes[NAME_SIZE_AT + 1] << 8;
    length = length < size - NAME_AT ? length : size - NAME_AT;
    const char *name = (const char *)bytes + NAME_AT;
    if (length >= 4 && memcmp(name + length - 4, ".npy", 4) == 0)
        return "an .npz archive (unzip gives the .npy files in it)";
    if (memchr(name, '/', length) != NULL)
        return "a PyTorch file (torch.load it, and " TO_SAFETENSORS ")";
    return "a zip archive (unzip it)";
}

/* The second byte of a pickle is its protocol. */
static const char *pickle(const uint8_t *bytes, size_t size, const char *path)
{
    if (size < 2 || bytes[0] != 0x80 || bytes[1] < 2 || bytes[1] > 5)
        return NULL;
    return text_ends_in(path, ".pt") || text_ends_in(path, ".pth") || text_ends_in(path, ".bin")
               ? "a PyTorch file (torch.load it, and " TO_SAFETENSORS ")"
               : "a Python pickle (load it where you trust it, and save the array with numpy.save)";
}

static const char *json_text(const uint8_t *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && bytes[i] != '\0' && strchr(" \t\r\n", bytes[i]) != NULL)
        i++;
    return i < size && (bytes[i] == '{' || bytes[i] == '[')
               ? "JSON (of shards INPUT is model.safetensors.index.json; numbers are to be saved "
                 "with "
                 "numpy.save)"
               : NULL;
}

const char *foreign_file(const uint8_t *bytes, size_t size, const char *path)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        if (size >= signatures[i].size
            && memcmp(bytes, signatures[i].bytes, signatures[i].size) == 0)
            return signatures[i].what;
    const char *what = zip_archive(bytes, size);
    if (what == NULL)
        what = pickle(bytes, size, path);
    if (what == NULL)
        what = json_text(bytes, size);
    if (what == NULL && size > 9 && bytes[8] == '{' && bytes[5] == 0 && bytes[6] == 0
        && bytes[7] == 0)
        what = "a safetensors file (give it a name that ends in .safetensors)";
    if (what == NULL && text_ends_in(path, ".onnx"))
        what = "an ONNX model (it holds weights: run it and save activations with numpy.save)";
    return what;
}
