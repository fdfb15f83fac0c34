"""Says in three lines what an analysis of Q, K and V found, from the numbers in its JSON.

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


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    bins = result["bins"]
    condition = result["conditions"][0]
    pair_groups = {p["name"]: p for p in condition["pair_groups"]}

    tails = {name: pair_groups[name]["cosine"]["tail"] for name in WITHIN}
    smiling = [name for name in WITHIN
               if tails[name] > near_zero(pair_groups[name]["cosine"], bins)]
    flattest = min(WITHIN, key=tails.get)
    print(f"  Cosine, {condition['name']}: "
          + listed(pair_groups, lambda p: f"{p['cosine']['tail']:.1%}")
          + " lie beyond +-0.9, and "
          + listed(pair_groups, lambda p: f"{near_zero(p['cosine'], bins):.1%}")
          + f" within 0.1 of zero: {'a smile in ' + ', '.join(smiling) if smiling else 'no smile'}"
          + f"; {flattest} is the flattest.")

    bell = all(near_zero(pair_groups[name]["pearson"], bins) > pair_groups[name]["pearson"]["tail"]
               for name in WITHIN)
    print("  Pearson, the same after centring: "
          + listed(pair_groups, lambda p: f"{p['pearson']['tail']:.2%}")
          + " lie beyond +-0.9, and "
          + listed(pair_groups, lambda p: f"{near_zero(p['pearson'], bins):.1%}")
          + f" within 0.1 of zero: {'a bell' if bell else 'no bell'}.")

    shares = {name: pair_groups[name]["offset"]["offset_share"] for name in WITHIN}
    carried = "the features' means carry" if min(shares.values()) > 0.5 else "not only means carry"
    print("  Offset share of the cosines' energy: "
          + listed(pair_groups, lambda p: f"{p['offset']['offset_share']:.3f}")
          + f": {carried} the cosines, most in {max(shares, key=shares.get)}.")


main()
