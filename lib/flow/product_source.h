/* The source of tiles that multiplies panels. */
#ifndef QKV_PRODUCT_SOURCE_H
#define QKV_PRODUCT_SOURCE_H

#include "gram.h"

extern const qkv_tile_source qkv_product_source;

#endif
