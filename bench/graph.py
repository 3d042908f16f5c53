#!/usr/bin/env python3
"""Prints edge lists for `deeplink import graph`: two numbers a line, friends of each other.

    graph.py              a network like that of a small college: 962 people, 18,812 friendships; how many
                          friends people have is distributed as on Facebook (Traud et al., 2012, Reed98)
    graph.py --authors    a hundred people, the first fifty of whom are friends of the others: everybody has
                          exactly 50 followers
    graph.py --seed N     another network of the same kind
"""
import argparse
import random

PEOPLE = 962
FRIENDSHIPS = 18812
# How many friends: the quantiles at 0, 5, 10 … 100 %.
FRIENDS = [1, 2, 6, 8, 11, 14, 17, 20, 23, 26, 29, 33, 37, 43, 48, 54, 62, 72, 87, 108, 313]
TAIL = 7  # how the last twentieth bends up to the one who has by far the most
AUTHORS_FROM = 1_000_000
AUTHORS = 50


def wanted(place):
    """How many friends somebody at `place` (0 … 1, from the least to the most) has."""
    at = place * (len(FRIENDS) - 1)
    step = min(int(at), len(FRIENDS) - 2)
    part = at - step
    if step == len(FRIENDS) - 2:
        part **= TAIL
    return FRIENDS[step] + (FRIENDS[step + 1] - FRIENDS[step]) * part


def degrees(rng):
    """As many friends as each person has; together exactly two for each friendship."""
    list_ = [max(1, round(wanted(i / (PEOPLE - 1)))) for i in range(PEOPLE)]
    while (missing := 2 * FRIENDSHIPS - sum(list_)) != 0:
        one = rng.randrange(PEOPLE)
        if missing > 0 or list_[one] > 1:
            list_[one] += 1 if missing > 0 else -1
    return list_


def friendships(rng):
    """Random pairs in which each person appears as often as wanted, nobody with themselves, no pair twice."""
    ends = [person for person, n in enumerate(degrees(rng)) for _ in range(n)]
    pairs = set()
    while ends:
        rng.shuffle(ends)
        left = []
        for a, b in zip(ends[::2], ends[1::2]):
            pair = (min(a, b), max(a, b))
            if a == b or pair in pairs:
                left += [a, b]
            else:
                pairs.add(pair)
        if len(left) == len(ends):  # the last ones do not fit together: take some pairs apart again
            for pair in rng.sample(sorted(pairs), 50):
                pairs.remove(pair)
                left += pair
        ends = left
    return sorted(pairs)


def authors():
    for one in range(AUTHORS):
        for other in range(AUTHORS):
            yield AUTHORS_FROM + one, AUTHORS_FROM + AUTHORS + other


def main():
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--authors", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for a, b in authors() if args.authors else friendships(random.Random(args.seed)):
        print(a, b)


if __name__ == "__main__":
    main()
