/*
 * Memory for what is larger than a process is to hold: large blocks stand in nameless temporary
 * files, which the system writes out where it needs the room.
 */
#ifndef TOOLS_FILE_MEMORY_H
#define TOOLS_FILE_MEMORY_H

#include <stddef.h>

/* As a context's allocate and release; NULL also where TMPDIR has no room. `user` is not used. */
void *file_memory_allocate(void *user, size_t size);
void file_memory_release(void *user, void *memory);

#endif
