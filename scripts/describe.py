"""Says in a few lines what an analysis of Q, K and V found, from the numbers in its JSON.

    python3 describe.py result.json
"""
import json
import sys

WITHIN = ("Q-Q", "K-K", "V-V")


def near_zero(metric, bins):
    """Share of values within 0.1 of zero: as wide a range as the two tails beyond 0.9 together."""
    width = (bins["high"] - bins["low"]) / bins["count"]
    centres = (bins["low"] + (b + 0.5) * width for b in range(bins["count"]))
    inside = sum(n for n, x in zip(metric["histogram"], centres) if abs(x) < 0.1)
    return inside / metric["defined"]


def listed(pair_groups, number):
    return ", ".join(f"{name} {number(pair_groups[name])}" for name in WITHIN)


def sentence(pair_groups, metric, bins, high_tails, high_centre):
    """The share beyond 0.9 and the share around zero, and which of the two shapes they make."""
    tail = {name: pair_groups[name][metric]["tail"] for name in WITHIN}
    centre = {name: near_zero(pair_groups[name][metric], bins) for name in WITHIN}
    if all(tail[name] > centre[name] for name in WITHIN):
        shape = high_tails
    elif all(tail[name] < centre[name] for name in WITHIN):
        shape = high_centre
    else:
        shape = "neither smile nor bell in all"
    return (listed(pair_groups, lambda p: f"{p[metric]['tail']:.2%}") + " beyond +-0.9; around 0: "
            + ", ".join(f"{centre[name]:.1%}" for name in WITHIN) + f": {shape}")


def contrast(condition):
    """Whether one pair group is more offset-coded than another, with its interval and p-value."""
    (pair,) = condition["contrasts"]
    share = pair["cosine"]["offset_share"]
    return (f"{condition['name']} {share['estimate']:+.3f} "
            f"[{share['low']:.3f}, {share['high']:.3f}], p = {share['p']:.2g}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    bins = result["bins"]
    pair_groups = {p["name"]: p for p in result["conditions"][0]["pair_groups"]}
    by_tail = min(WITHIN, key=lambda name: pair_groups[name]["cosine"]["tail"])
    shares = [pair_groups[name]["offset"]["offset_share"] for name in WITHIN]

    print("  Cosine   " + sentence(pair_groups, "cosine", bins, "a smile", "a bell")
          + f", flattest in {by_tail}.")
    print("  Pearson  " + sentence(pair_groups, "pearson", bins, "a smile", "a bell after centring")
          + ".")
    print("  Offsets  " + listed(pair_groups, lambda p: f"{p['offset']['offset_share']:.3f}")
          + f" of the cosines' energy: the features' means carry "
          + ("most of it." if min(shares) > 0.5 else "not most of it in every pair group."))
    if all(condition.get("contrasts") for condition in result["conditions"]):
        pair = result["conditions"][0]["contrasts"][0]
        print(f"  Contrast {pair['a']} less {pair['b']}, offset share: "
              + "; ".join(contrast(condition) for condition in result["conditions"]) + ".")


main()
