/**
 * @file qkvsim.h
 * All of qkvsim: similarities within and across the Q, K and V activations of transformer layers.
 */
#ifndef QKVSIM_QKVSIM_H
#define QKVSIM_QKVSIM_H

#include <qkvsim/accumulator.h>
#include <qkvsim/analysis.h>
#include <qkvsim/baseline.h>
#include <qkvsim/common.h>
#include <qkvsim/comparison.h>
#include <qkvsim/context.h>
#include <qkvsim/histogram.h>
#include <qkvsim/input.h>
#include <qkvsim/interval.h>
#include <qkvsim/layout.h>
#include <qkvsim/mask.h>
#include <qkvsim/packed.h>
#include <qkvsim/pairs.h>
#include <qkvsim/permutation.h>
#include <qkvsim/significance.h>
#include <qkvsim/similarity.h>
#include <qkvsim/statistic.h>
#include <qkvsim/view.h>

#endif
