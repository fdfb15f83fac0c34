/*
 * Who does what, of several processes.
 */
#include "team.h"

#include <math.h>
#include <stddef.h>

bool team_is_first(const struct team *team)
{
    return team == NULL || team->rank == 0;
}

int team_size(const struct team *team)
{
    return team == NULL ? 1 : team->size;
}

/* Below 2^32 things, and ranks are an int: products fit. */
struct share team_share(const struct team *team, bool divided, int64_t count)
{
    if (team == NULL || !divided)
        return (struct share){ 0, team_is_first(team) ? count : 0 };
    const int64_t first = count * team->rank / team->size;
    return (struct share){ first, count * (team->rank + 1) / team->size - first };
}

/* Behind row b there are (d - b)^2 / 2 pairs. Bounds are multiples of what tiles are made of, where
 * there are enough. */
static int64_t bound_of_rows(int64_t features, int rank, int ranks)
{
    enum { MULTIPLE = 64 };
    const double d = (double)features;
    const int64_t bound = (int64_t)(d - d * sqrt((double)(ranks - rank) / ranks));
    return features / ranks > 4 * MULTIPLE && rank < ranks ? bound / MULTIPLE * MULTIPLE
           : rank < ranks                                  ? bound
                                                           : features;
}

struct share team_rows_of(const struct team *team, int rank, int64_t features)
{
    const int64_t first = bound_of_rows(features, rank, team->size);
    return (struct share){ first, bound_of_rows(features, rank + 1, team->size) - first };
}

struct share team_rows(const struct team *team, int64_t features)
{
    return team != NULL ? team_rows_of(team, team->rank, features) : (struct share){ 0, features };
}

int team_layer_owner(const struct team *team, int layer, int layers)
{
    const int size = team_size(team);
    return layer < layers - layers % size ? layer % size : -1;
}

int team_layers(const struct team *team, int layers)
{
    const int size = team_size(team);
    return layers / size + layers % size;
}
