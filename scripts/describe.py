"""Says in a few lines what an analysis of Q, K and V over targets and non-targets found, from its JSON.

    python3 describe.py result.json

The analysis was made with --targets, --compare and --interval. Each line is one that its intervals or
relabellings carry: shares are corrected for the number of observations, tails are compared at equal size.
"""
import json
import sys

WITHIN = ("Q-Q", "K-K", "V-V")


def rows_of(part):
    return {row["name"]: row for row in part["pair_groups"]}


def listed(sentence):
    return ", ".join(f"{name} {sentence(name)}" for name in WITHIN)


def estimate(row, key):
    """An estimate with its interval, or where it has none the statistic itself."""
    ends, middle = row["interval"][key], row["interval_estimate"][key]
    if ends is None or middle is None:
        return f"{row[key]:.3f} (no interval)"
    return f"{middle:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def difference(numbers):
    """A difference with its interval, which the jackknife gives where targets lie in enough blocks."""
    if numbers["low"] is None:
        return f"{numbers['difference']:+.3f} (no interval)"
    holds = numbers["low"] <= 0 <= numbers["high"]
    return (f"{numbers['estimate']:+.3f} [{numbers['low']:.3f}, {numbers['high']:.3f}]"
            + (", which holds 0" if holds else ""))


def p_of(null):
    if null["p"] is None:
        return "p absent"
    least = null["p_least"]
    return f"p <= {least:.2g}" if null["p"] <= least * (1 + 1e-9) else f"p = {null['p']:.2g}"


def smile(targets, others, compared, names):
    """The tails beyond 0.9, at equal size: of the larger selection the most that any subset has."""
    first_is_larger = targets["observations"] > others["observations"]
    smaller = others if first_is_larger else targets
    name, other = (names[1], names[0]) if first_is_larger else names
    tails = {row: rows_of(smaller)[row]["cosine"]["tail"] for row in WITHIN}
    subsets = {row: compared[row]["cosine"]["differences"]["tail"]["matched"]["max"] for row in WITHIN}
    centred = {row: rows_of(smaller)[row]["pearson"]["tail"] for row in WITHIN}
    verdict = ("more than in any subset" if all(tails[row] > subsets[row] for row in WITHIN)
               else "not more than in every subset")
    return (f"cosines beyond +-0.9 over {name}: " + listed(lambda row: f"{tails[row]:.1%}")
            + f"; over as many {other} at most " + ", ".join(f"{subsets[row]:.1%}" for row in WITHIN)
            + f": {verdict}.",
            f"of the same pairs' Pearson values, means taken away: "
            + listed(lambda row: f"{centred[row]:.1%}") + ".")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        (result,) = json.load(file)["layers"]
    conditions, comparison = result["conditions"], result["comparison"]
    compared, contrast = rows_of(comparison), rows_of(result["selection_contrast"])
    permutations = comparison["permutations"]
    tails, centred = smile(*conditions, compared, [c["name"] for c in conditions])
    print("  Smile       " + tails)
    print("  Centred     " + centred)
    for condition in conditions:
        print(f"  Offsets     their share of the cosines' energy over {condition['name']}: "
              + listed(lambda row: estimate(rows_of(condition)[row]["offset"], "offset_share")) + ".")
    print("  Difference  " + "; ".join(
        f"{row} {difference(contrast[row]['cosine']['offset_share'])}, "
        + p_of(compared[row]["cosine"]["differences"]["offset_share"])
        for row in WITHIN) + f" ({permutations} relabellings).")
    for condition in conditions:
        for pair in condition["contrasts"]:
            print(f"  Contrast    {pair['a']} less {pair['b']} over {condition['name']}: "
                  + difference(pair["cosine"]["offset_share"]) + ".")


main()
