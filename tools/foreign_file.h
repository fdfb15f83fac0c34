/*
 * Files of other formats, told by their first bytes.
 */
#ifndef TOOLS_FOREIGN_FILE_H
#define TOOLS_FOREIGN_FILE_H

#include <stddef.h>
#include <stdint.h>

/* What a file is that is not what its name says, and what to do with it: "an .npz archive (unzip
 * gives the .npy files in it)"; NULL where it can't be told. */
const char *foreign_file(const uint8_t *bytes, size_t size, const char *path);

#endif
