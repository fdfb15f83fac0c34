/*
 * Who does what, of several processes.
 */
#include "team.h"

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
